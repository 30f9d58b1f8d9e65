/** Runs an addition to the study (`additions.ts`) on a server, or goes on with it, and gathers what it gave. */
import type { StudyTable } from "@/lib/studies/table_schema.ts";
import { type AdditionName, ATTENTION, VIT } from "./additions.ts";
import type { Client, Job } from "./client.ts";
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
import { INITIAL } from "./protocol.ts";
import { writeShapes } from "./shapes.ts";
import { writeSynthetic } from "./synthetic.ts";

/** One training that was tested. */
export interface TestedRun {
  row: string;
  /** Labelled training images. */
  budget: number;
  seed: number;
  auc: number;
  /** Of the network's attention from the gaze that it was given, at the last step that was told. */
  divergence?: number;
}

/** What there is of an addition. */
export interface AdditionFound {
  name: AdditionName;
  start: StartModel;
  /** How well similarity of gaze tells pairs of one label, where gaze makes pairs. */
  audit?: { auc: number; auc_p: number };
  runs: TestedRun[];
  version: string;
  seconds: number;
  trainings: number;
}

export interface AdditionOptions {
  seeds: readonly number[];
  /** Told what there is by now, every so often. */
  onNews(found: AdditionFound): void;
}

const DATASET = "phantoms of one panel";
const SHAPES = "shapes";

type Runner = (client: Client, options: AdditionOptions) => Promise<void>;
type Gatherer = (client: Client) => Promise<AdditionFound | undefined>;

const parts: Record<AdditionName, { run: Runner; gathered: Gatherer }> = {
  attention: { run: runAttention, gathered: gatheredAttention },
  vit: { run: runVit, gathered: gatheredVit },
};

/** Uploads and trains what is not there yet. */
export async function runAddition(
  client: Client,
  name: AdditionName,
  options: AdditionOptions,
): Promise<AdditionFound> {
  await parts[name].run(client, options);
  return (await gatheredAddition(client, name))!;
}

/** What the server holds of it; undefined where it holds nothing. */
export async function gatheredAddition(
  client: Client,
  name: AdditionName,
): Promise<AdditionFound | undefined> {
  return await parts[name].gathered(client);
}

/** The set of one panel and the initial network, where they are not there. */
async function prepare(
  client: Client,
  { set, start }: {
    set: { images: number };
    start: { name: string; set: typeof INITIAL.set; training: Record<string, unknown> };
  },
): Promise<void> {
  await upload(client, DATASET, `${set.images} images`, () => writeSynthetic(set));
  if (await modelNamed(client, start.name)) return;
  await upload(client, SHAPES, `${start.set.images} pictures`, () => writeShapes(start.set));
  const { name, training } = start;
  await run(client, `training on ${name}`, { ...training, dataset: SHAPES, name });
}

type AttentionRow = keyof typeof ATTENTION.rows;
type AttentionBudget = keyof typeof ATTENTION.budgets;

const attentionRows = Object.keys(ATTENTION.rows) as AttentionRow[];
const attentionBudgets = (Object.keys(ATTENTION.budgets).map(Number) as AttentionBudget[])
  .toSorted((a, b) => b - a);

/** The name of the model that a run gives. */
const tunedName = (row: string, budget: number, seed: number) =>
  `attention, ${row}, ${budget} labels, seed ${seed}`;

/** The job of a run. */
export function attentionRequest(
  row: AttentionRow,
  budget: AttentionBudget,
  seed: number,
): Record<string, unknown> {
  return {
    ...ATTENTION.training,
    ...{ dataset: DATASET, init: ATTENTION.start.name, attention: ATTENTION.rows[row] },
    ...ATTENTION.budgets[budget],
    ...{ seed, name: tunedName(row, budget, seed) },
  };
}

async function runAttention(client: Client, { seeds, onNews }: AdditionOptions): Promise<void> {
  await prepare(client, ATTENTION);
  for (const budget of attentionBudgets) {
    for (const seed of seeds) {
      for (const row of attentionRows) {
        const name = tunedName(row, budget, seed);
        if (await modelNamed(client, name)) continue;
        await run(client, name, attentionRequest(row, budget, seed));
      }
      onNews((await gatheredAttention(client))!);
    }
  }
}

interface DatedJob extends Job {
  started_at: string;
  finished_at: string;
  spec: { code_version: string };
}

async function gatheredAttention(client: Client): Promise<AdditionFound | undefined> {
  const { data } = await client.call<{ data: { name: string | null }[] }>(
    "GET",
    "/v1/models?limit=1000",
  );
  const names = new Set(data.map(({ name }) => name));
  const runs: TestedRun[] = [];
  let [version, seconds] = ["", 0];
  for (const budget of attentionBudgets) {
    // More seeds than the protocol's are gathered too: the report tells them.
    for (let seed = 0; seed < 100; seed++) {
      for (const row of attentionRows) {
        const name = tunedName(row, budget, seed);
        if (!names.has(name)) continue;
        const { lineage } = (await modelNamed(client, name))!;
        const job = await client.call<DatedJob>("GET", `/v1/jobs/${lineage.job}`);
        const [{ metrics }, series] = await Promise.all([
          client.call<{ metrics: { auc_macro_one_vs_rest: number } }>(
            "GET",
            `/v1/evaluations/${job.result!.evaluation}`,
          ),
          client.call<{ data: { value: number }[] }>(
            "GET",
            `/v1/jobs/${job.id}/metrics?name=attention_divergence`,
          ),
        ]);
        const divergence = series.data.at(-1)?.value;
        runs.push({ row, budget, seed, auc: metrics.auc_macro_one_vs_rest, divergence });
        version = job.spec.code_version;
        seconds += (Date.parse(job.finished_at) - Date.parse(job.started_at)) / 1000;
      }
    }
  }
  if (runs.length === 0) return undefined;
  const start = await startOf(client, ATTENTION.start.name);
  return { name: "attention", start, runs, version, seconds, trainings: runs.length };
}

type VitBudget = keyof typeof VIT.budgets;

const vitBudgets = (Object.keys(VIT.budgets).map(Number) as VitBudget[]).toSorted((a, b) => b - a);
const vitStudy = (budget: VitBudget) => `ViT-Ti, ${budget} labels`;

/** The study of one number of labels; trainings before the probe are common to all. */
export function vitRequest(
  budget: VitBudget,
  { seeds, similarity }: { seeds: readonly number[]; similarity: string },
): Record<string, unknown> {
  return {
    ...{ kind: "study", dataset: DATASET, backbones: ["vit_tiny_patch16"], start: VIT.start.name },
    ...VIT.study,
    ...{ seeds, similarity, finetune: { ...VIT.probe, ...VIT.budgets[budget] } },
  };
}

async function runVit(client: Client, { seeds, onNews }: AdditionOptions): Promise<void> {
  await prepare(client, VIT);
  const { similarity } = await run(client, "gaze of the panel", {
    ...{ kind: "similarity", dataset: DATASET },
    ...VIT.similarity,
  });
  const news = async () => {
    const found = await gatheredVit(client);
    if (found) onNews(found);
  };
  for (const budget of vitBudgets) {
    await study(client, vitStudy(budget), vitRequest(budget, { seeds, similarity }), news);
    await news();
  }
}

async function gatheredVit(client: Client): Promise<AdditionFound | undefined> {
  const studies = await studiesOf(client);
  const runs: TestedRun[] = [];
  const jobs = new Map<string, number>();
  let version = "";
  let audit: AdditionFound["audit"];
  for (const budget of vitBudgets) {
    const found = studies.find(({ name }) => name === vitStudy(budget));
    if (!found) continue;
    const path = `/v1/studies/${found.id}`;
    const { spec } = await client.call<{ spec: { code_version: string; similarity: string } }>(
      "GET",
      path,
    );
    version = spec.code_version;
    audit ??= (await client.call<{ labels: { auc: number; auc_p: number } }>(
      "GET",
      `/v1/similarities/${spec.similarity}/audit`,
    )).labels;
    const table = await client.call<StudyTable>("GET", `${path}/table?format=json`);
    runs.push(...testedRuns(table, budget));
    for (const [id, seconds] of await trainingsOf(client, found)) jobs.set(id, seconds);
  }
  if (runs.length === 0) return undefined;
  return {
    ...{ name: "vit", audit, runs, version, trainings: jobs.size },
    start: await startOf(client, VIT.start.name),
    seconds: [...jobs.values()].reduce((sum, value) => sum + value, 0),
  };
}

/** The runs of a table; of a cell without a figure for every run it is not known whose they are. */
function testedRuns({ rows, cells }: StudyTable, budget: number): TestedRun[] {
  return rows.flatMap(({ key, name }) => {
    const cell = cells.find(({ row }) => row === key)!;
    const values = cell.figures.auc?.values ?? [];
    if (values.length !== cell.runs.length) return [];
    return values.map((auc, i) => ({ row: name, budget, seed: cell.runs[i], auc }));
  });
}
