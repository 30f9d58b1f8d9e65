/** Runs the study of `protocol.ts` on a server, or goes on with it, and gathers what it gave. */
import { basename } from "node:path";
import type { StudyTable } from "@/lib/studies/table_schema.ts";
import type { Client } from "./client.ts";
import {
  modelNamed,
  run,
  type StartModel,
  startOf,
  studiesOf,
  study,
  trainingsOf,
  upload,
} from "./experiment_steps.ts";
import {
  type Budget,
  BUDGETS,
  BY_METHOD,
  INITIAL,
  type Panel,
  PANELS,
  type Part,
  PARTS,
  PRETRAIN,
  PROBE,
  SET,
  SIMILARITY,
} from "./protocol.ts";
import { writeShapes } from "./shapes.ts";
import { writePanels } from "./synthetic.ts";
import { step } from "./terminal.ts";

const DATASET = "phantoms";
const SHAPES = "shapes";

export interface ExperimentOptions {
  methods: readonly string[];
  seeds: number[];
  /** Of pre-training, instead of those of the protocol: for a closer look. */
  epochs?: number;
  /** A file of weights to start from instead of the made-up shapes. */
  start?: string;
  /** Told what there is by now, every so often; the last time when all is done. */
  onNews(found: Experiment): void;
}

/** One study of the server: an entry of the protocol with a number of labels. */
export interface Outcome {
  part: number;
  panel: Panel;
  budget: Budget;
  table: StudyTable;
}

/** What there is of the whole. */
export interface Experiment {
  start: StartModel;
  /** How well each panel's similarity tells pairs of one label, before any training. */
  audits: Partial<Record<Panel, { auc: number; auc_p: number }>>;
  outcomes: Outcome[];
  /** Of the program, with the commit where there is one. */
  version: string;
  /** Of all trainings together, whenever they ran. */
  seconds: number;
  trainings: number;
}

/** Uploads and trains what is not there yet, then runs the parts in their order. */
export async function experiment(client: Client, options: ExperimentOptions): Promise<Experiment> {
  const start = await initialNetwork(client, options.start);
  await upload(client, DATASET, `${SET.images} images`, () => writePanels(SET, panels()));
  const similarities = new Map<Panel, string>();
  for (const panel of Object.keys(PANELS) as Panel[]) {
    const { similarity } = await run(client, `gaze of panel ${panel}`, {
      ...{ kind: "similarity", dataset: DATASET },
      readers: readersOf(panel),
      ...SIMILARITY,
    });
    similarities.set(panel, similarity);
  }
  const news = async () => {
    const found = await gathered(client);
    if (found) options.onNews(found);
    return found;
  };
  for (const [index, part] of PARTS.entries()) {
    for (const budget of budgets) {
      const request = studyRequest(part, budget, {
        ...options,
        ...{ start: start.name, own: options.start === undefined },
        similarity: similarities.get(part.panel)!,
      });
      await study(client, nameOf(index, budget), request, news);
      await news();
    }
  }
  return (await gathered(client))!;
}

const budgets = (Object.keys(BUDGETS).map(Number) as Budget[]).toSorted((a, b) => b - a);
const nameOf = (part: number, budget: Budget) =>
  `${part + 1}: panel ${PARTS[part].panel}, ${budget} labels`;
const numberOf = (panel: Panel) => String(Object.keys(PANELS).indexOf(panel) + 1);
const readersOf = (panel: Panel) =>
  Array.from({ length: SET.readers }, (_, reader) => `R${numberOf(panel)}${reader + 1}`);
const panels = () =>
  Object.entries(PANELS).map(([name, settings]) => ({
    ...settings,
    panel: numberOf(name as Panel),
  }));

/** @param options.own whether the initial network is the protocol's, whose shape it sets */
export function studyRequest(
  { arms, plain }: Part,
  budget: Budget,
  { methods, seeds, epochs = PRETRAIN.epochs, start, own, similarity }:
    & Pick<ExperimentOptions, "methods" | "seeds" | "epochs">
    & { start: string; own: boolean; similarity: string },
): Record<string, unknown> {
  const { width, channels } = INITIAL.training;
  return {
    ...{ kind: "study", dataset: DATASET, methods, arms, seeds, similarity },
    cut: { quantile: 0.1 },
    ...{ scratch: plain, start },
    pretrain: {
      ...PRETRAIN,
      ...(own ? { width, channels } : {}),
      epochs,
      schedule: { warmup_epochs: Math.min(PRETRAIN.schedule.warmup_epochs, epochs - 1) },
    },
    by_method: Object.fromEntries(
      Object.entries(BY_METHOD).filter(([method]) => methods.includes(method)),
    ),
    finetune: { ...PROBE, ...BUDGETS[budget] },
  };
}

/** The model of this name, made or uploaded where it is not there. */
async function initialNetwork(
  client: Client,
  path: string | undefined,
): Promise<StartModel> {
  const name = path === undefined
    ? INITIAL.name
    : basename(path).replace(/\.[^.]+$/, "").replace(/[^A-Za-z0-9._-]/g, "-");
  if (await modelNamed(client, name)) return await startOf(client, name);
  if (path !== undefined) {
    const size = PRETRAIN.image_size;
    const uploading = step(`upload of ${name}`);
    await client.call("PUT", `/v1/models/${name}?image_size=${size}`, Deno.readFileSync(path));
    uploading.done("");
    return await startOf(client, name);
  }
  await upload(client, SHAPES, `${INITIAL.set.images} pictures`, () => writeShapes(INITIAL.set));
  await run(client, `training on ${name}`, { ...INITIAL.training, dataset: SHAPES, name });
  return await startOf(client, name);
}

/** What the server holds of the protocol's parts; undefined where it holds none. */
export async function gathered(client: Client): Promise<Experiment | undefined> {
  const studies = await studiesOf(client);
  const outcomes: Outcome[] = [];
  const audits: Experiment["audits"] = {};
  const jobs = new Map<string, number>();
  let version = "", start = "";
  for (const [part, { panel }] of PARTS.entries()) {
    for (const budget of budgets) {
      const found = studies.find(({ name }) => name === nameOf(part, budget));
      if (!found) continue;
      const { spec } = await client.call<
        { spec: { code_version: string; similarity: string; start_name: string } }
      >("GET", `/v1/studies/${found.id}`);
      version = spec.code_version;
      start = spec.start_name;
      audits[panel] ??= (await client.call<{ labels: { auc: number; auc_p: number } }>(
        "GET",
        `/v1/similarities/${spec.similarity}/audit`,
      )).labels;
      const table = await client.call<StudyTable>(
        "GET",
        `/v1/studies/${found.id}/table?format=json`,
      );
      outcomes.push({ part, panel, budget, table });
      for (const [id, seconds] of await trainingsOf(client, found)) jobs.set(id, seconds);
    }
  }
  if (outcomes.length === 0) return undefined;
  return {
    start: await startOf(client, start),
    ...{ audits, outcomes, version, trainings: jobs.size },
    seconds: [...jobs.values()].reduce((sum, value) => sum + value, 0),
  };
}
