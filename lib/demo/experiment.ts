/**
 * The pipeline's test of the science: on a made-up set whose label shows only partly in the picture and whose gaze
 * tells it with noise, pairs by gaze ought to help, and on a set whose gaze is independent of the label no arm
 * ought to win. All parameters stand here, fixed before the runs; what comes out is written down as it is.
 */
import type { StudyTable } from "@/lib/studies/table_schema.ts";
import type { Client, Job } from "./client.ts";
import { writeSynthetic } from "./synthetic.ts";
import { step } from "./terminal.ts";

/**
 * Both sets are alike but for what gaze follows. A first trial had 192 images, 58 of them to test on: BYOL over two
 * seeds gave gaze minus none an AUC of -0.005 with an interval from -0.169 to 0.133, too wide to say anything, so
 * that the set was made larger, and split and epochs were chosen anew, before any other run.
 */
export const SET = {
  images: 512,
  size: 48,
  readers: 2,
  malignant: 0.5,
  visibility: 0.7,
  informative: 0.85,
  seed: 1,
} as const;

/** The published weights: mostly durations. */
export const SIMILARITY = {
  measure: "multimatch",
  params: { weights: [0.1, 0.1, 0.1, 0.1, 0.6] },
} as const;

export const METHODS = ["byol", "moco", "simsiam"] as const;
export const SEEDS = [0, 1, 2, 3, 4];

/**
 * Small heads for a small network; momenta for a few hundred steps instead of many thousands. Kernels are the
 * defaults, so that anybody with the same adapter gets the same bits.
 */
export const STUDY = {
  arms: ["none", "gaze", "shuffled", "labels"],
  backbones: ["resnet18"],
  cut: { quantile: 0.1 },
  pretrain: {
    width: 8,
    image_size: 48,
    channels: 1,
    epochs: 30,
    batch_size: 32,
    optimizer: { name: "adamw", learning_rate: 1e-3 },
    schedule: { warmup_epochs: 4 },
    augmentation: "medical",
    tuning: "off",
  },
  by_method: {
    byol: { config: { hidden: 256, output: 64, momentum: 0.97 } },
    moco: { config: { output: 64, queue: 128, momentum: 0.97 } },
    simsiam: { config: { projector: 256, predictor_hidden: 64 } },
  },
  /** The backbone stays as it was pre-trained: the table shows what pre-training itself has learnt. */
  finetune: {
    mode: "linear",
    epochs: 40,
    batch_size: 32,
    augmentation: "none",
    optimizer: { name: "adam", learning_rate: 0.01 },
    tuning: "off",
    split: { validation: 0.2, test: 0.4 },
  },
} as const;

export interface ExperimentOptions {
  methods: readonly string[];
  seeds: number[];
  /** Gaze independent of the label. */
  control: boolean;
  /** Of pre-training, instead of those that are fixed above: to see whether a method wants more steps. */
  epochs?: number;
}

/** What one set gave. */
export interface Experiment {
  control: boolean;
  images: number;
  /** How well similarity of gaze tells pairs of one label, from the audit before the training. */
  audit: { auc: number; auc_p: number };
  table: StudyTable;
  /** How each row's pre-trainings ended, means over its runs. */
  ends: {
    row: string;
    /** Deviation of the output's dimensions times the root of their number: 1 when even, 0 when collapsed. */
    spread: number;
    /** Balanced accuracy of the nearest neighbours' labels among the training images. */
    knn: number;
    /** Positive pairs in a batch, or against the queue. */
    pairs: number;
  }[];
  /** Of the program, with the commit where there is one. */
  version: string;
  jobs: { total: number; computed: number };
  /** Of all its trainings together, whenever they ran. */
  seconds: number;
}

/** The settings, with another number of epochs if one is given. */
export function studyWith(epochs: number = STUDY.pretrain.epochs) {
  return { ...STUDY, pretrain: { ...STUDY.pretrain, epochs } };
}

/** Uploads the set unless it is there, compares its gaze, and runs the study or goes on with it. */
export async function experiment(
  client: Client,
  { methods, seeds, control, epochs }: ExperimentOptions,
): Promise<Experiment> {
  const dataset = control ? "control" : "informative";
  const uploading = step(`${dataset}: upload`);
  const known = await client.call<{ data: { name: string }[] }>("GET", "/v1/datasets?limit=1000");
  if (!known.data.some(({ name }) => name === dataset)) {
    await client.call("PUT", `/v1/datasets/${dataset}`, await writeSynthetic({ ...SET, control }));
  }
  uploading.done(`${SET.images} images`);
  const compared = await run(client, `${dataset}: similarity`, {
    ...{ kind: "similarity", dataset },
    ...SIMILARITY,
  });
  const { study } = await run(client, `${dataset}: study`, {
    ...{ kind: "study", dataset, name: `Synthetic set, ${dataset} gaze` },
    ...{ methods, seeds, similarity: compared.similarity },
    ...studyWith(epochs),
    by_method: Object.fromEntries(
      Object.entries(STUDY.by_method).filter(([method]) => methods.includes(method)),
    ),
  });
  return await outcome(client, study);
}

/** What a study of an earlier call gave, without running anything; undefined where there was none. */
export async function earlier(client: Client, control: boolean): Promise<Experiment | undefined> {
  const dataset = control ? "control" : "informative";
  const { data } = await client.call<{ data: { id: string; dataset: string; state: string }[] }>(
    "GET",
    "/v1/studies?limit=1000",
  );
  const found = data.find((study) => study.dataset === dataset && study.state === "succeeded");
  return found && await outcome(client, found.id);
}

interface StudyAnswer {
  job: string;
  dataset: string;
  runs: { row: string; pretrain_job: string | null; finetune_job: string | null }[];
  spec: {
    code_version: string;
    similarity: string;
    by_method: Record<string, { config: Record<string, number> }>;
  };
}

async function outcome(client: Client, study: string): Promise<Experiment> {
  const { job, dataset, runs, spec } = await client.call<StudyAnswer>(
    "GET",
    `/v1/studies/${study}`,
  );
  const audit = await client.call<{ labels: Experiment["audit"] }>(
    "GET",
    `/v1/similarities/${spec.similarity}/audit`,
  );
  const queued = await client.call<{ data: { id: string }[] }>(
    "GET",
    `/v1/jobs?study=${study}&limit=1000`,
  );
  const jobs = runs.flatMap(({ pretrain_job, finetune_job }) =>
    [pretrain_job, finetune_job].filter((id) => id !== null)
  );
  let seconds = 0;
  for (const id of jobs) seconds += await secondsOf(client, id);
  return {
    control: dataset === "control",
    images: SET.images,
    audit: audit.labels,
    version: spec.code_version,
    table: await client.call<StudyTable>("GET", `/v1/studies/${study}/table?format=json`),
    ends: await endsOf(client, runs, spec.by_method),
    jobs: {
      total: jobs.length,
      computed: queued.data.filter(({ id }) => id !== job).length,
    },
    seconds,
  };
}

/** Dimensions of a method's output, by the names of its settings. */
const dimensions = ({ output, projector }: Record<string, number>) => output ?? projector;

/** The last gauges of each row's pre-trainings. */
async function endsOf(
  client: Client,
  runs: StudyAnswer["runs"],
  by_method: StudyAnswer["spec"]["by_method"],
): Promise<Experiment["ends"]> {
  const rows = Map.groupBy(runs, ({ row }) => row);
  const ends: Experiment["ends"] = [];
  for (const [row, all] of rows) {
    const jobs = all.flatMap(({ pretrain_job }) => pretrain_job ?? []);
    if (jobs.length === 0) continue;
    const last = async (name: string) => {
      const values = [];
      for (const id of jobs) {
        const { data } = await client.call<{ data: { value: number }[] }>(
          "GET",
          `/v1/jobs/${id}/metrics?name=${name}`,
        );
        values.push(data.at(-1)!.value);
      }
      return values.reduce((sum, value) => sum + value, 0) / values.length;
    };
    const method = row.split(" ")[0];
    ends.push({
      row,
      spread: await last("output_spread") * Math.sqrt(dimensions(by_method[method].config)),
      knn: await last("knn_balanced_accuracy"),
      pairs: await last("pairs"),
    });
  }
  return ends;
}

/** From the start of a training to its end. */
async function secondsOf(client: Client, id: string): Promise<number> {
  const { started_at, finished_at } = await client.call<
    { started_at: string | null; finished_at: string | null }
  >("GET", `/v1/jobs/${id}`);
  if (started_at === null || finished_at === null) return 0;
  return (Date.parse(finished_at) - Date.parse(started_at)) / 1000;
}

async function run(client: Client, name: string, spec: Record<string, unknown>) {
  const line = step(name);
  const result = await client.job(spec, ({ progress: { done, total, unit } }: Job) => {
    line.progress(total > 0 ? done / total : 0, `${done} of ${total} ${unit}`);
  });
  line.done("");
  return result;
}
