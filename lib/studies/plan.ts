/** What a study would do, before it is started: jobs, time, memory. */
import { z } from "zod";
import {
  finetuneRequest,
  type GridCell,
  gridCells,
  gridRows,
  gridRuns,
  ofRun,
  pretrainRequest,
} from "@/lib/specs/study_grid.ts";
import { sameJob } from "./advance.ts";
import { cutWarnings } from "./cut_seen.ts";
import { durationBasisSchema, durationEstimator } from "./duration_estimate.ts";
import { type ResolvedJob, resolveJob } from "@/lib/jobs/queue.ts";
import { backboneSpec } from "@/lib/models/specs.ts";
import { parseStudy } from "@/lib/specs/study.ts";
import type { Store } from "@/lib/store/mod.ts";
import { remembering } from "@/lib/store/remembering.ts";
import { type EstimateRequest, estimateRequest } from "@/lib/training/estimate_request.ts";

/** A plan lets requests in after this long. */
const TURN_MS = 8;

/** Jobs of one shape. */
const planPartSchema = z.object({
  kind: z.enum(["pretrain", "finetune"]),
  method: z.string().nullable(),
  backbone: z.string(),
  jobs: z.number(),
  known: z.number().describe("Of these, done before, or on their way"),
  seconds: z.number().nullable().describe(
    "Of one job; null where nothing has been timed on this machine yet, and no worker can tell its speed",
  ),
  basis: durationBasisSchema.nullable(),
  bytes: z.number().nullable()
    .describe("GPU memory of one job; null without a worker that can tell"),
});
export type PlanPart = z.output<typeof planPartSchema>;

export const studyPlanSchema = z.object({
  rows: z.array(z.string()),
  backbones: z.array(z.string()),
  runs: z.number(),
  cells: z.number(),
  parts: z.array(planPartSchema),
  seconds: z.number().nullable()
    .describe("Of all jobs still to be run, one after the other; null where a part is not known"),
  bytes: z.number().nullable().describe("GPU memory of the largest job; jobs run one at a time"),
  disk_bytes: z.number().describe("Weights that will be kept on the disk"),
  warnings: z.array(z.string()).describe("Why its figures would mean less than they seem to"),
}).meta({ id: "StudyPlan" });
export type StudyPlan = z.output<typeof studyPlanSchema>;

/**
 * @param job a resolved study
 * @param ask.estimate how much memory a job needs; `ask.throughput` of the device, 10^9 multiply-adds a second; undefined
 * where that cannot be told now
 * @throws {InvalidInput} when a job does not fit on the GPU
 */
export async function planStudy(
  store: Store,
  { spec: given }: ResolvedJob,
  ask: {
    estimate(request: EstimateRequest): Promise<{ total: number } | undefined>;
    throughput(): Promise<number | undefined>;
    /** Name of the adapter that it will run on, where it is known. */
    adapter?: string;
  },
): Promise<StudyPlan> {
  const spec = parseStudy(given);
  const rows = gridRows(spec);
  const runs = gridRuns(spec);
  store = remembering(store);
  const dataset = await store.datasets.byName(spec.dataset);
  const estimateDuration = await durationEstimator(store, ask.throughput, ask.adapter);
  const parts = new Map<string, PlanPart & { width: number }>();
  const resolve = async (request: Record<string, unknown>) =>
    await resolveJob(store, request, given.code_version as string);

  async function count(job: ResolvedJob, { row, backbone }: GridCell, known: boolean) {
    const kind = job.kind as PlanPart["kind"];
    const method = kind === "pretrain" ? rows.find(({ key }) => key === row)!.method : null;
    const key = `${kind} ${method} ${backbone}`;
    let part = parts.get(key);
    if (!part) {
      const request = (await estimateRequest(store, job))!;
      const time = await estimateDuration(job, request.images);
      const memory = await ask.estimate(request);
      part = {
        ...{ kind, method, backbone, jobs: 0, known: 0, width: job.spec.width as number },
        ...{ seconds: time?.seconds ?? null, basis: time?.basis ?? null },
        bytes: memory?.total ?? null,
      };
      parts.set(key, part);
    }
    part.jobs++;
    if (known) part.known++;
  }

  let turn = performance.now();
  /** Requests are answered between two cells. */
  async function pause() {
    if (performance.now() - turn < TURN_MS) return;
    await new Promise((resolve) => setTimeout(resolve));
    turn = performance.now();
  }

  // One run is resolved: the others are the same but for what is drawn.
  const templates: { cell: GridCell; before?: ResolvedJob; after: ResolvedJob }[] = [];
  for (const cell of gridCells(spec, runs.slice(0, 1))) {
    const request = pretrainRequest(spec, cell);
    const before = request && await resolve(request);
    await pause();
    templates.push({ cell, before, after: await resolve(finetuneRequest(spec, cell)) });
    await pause();
  }
  const inRun = ({ kind, spec: resolved }: ResolvedJob, run: number) => ({
    kind,
    spec: ofRun(spec, resolved, run),
  });
  for (const run of runs) {
    for (const { cell: { row, backbone }, ...jobs } of templates) {
      const cell = { row, backbone, run };
      const before = jobs.before && inRun(jobs.before, run);
      const same = before && await sameJob(store, before);
      const model = same?.result?.model as string | undefined;
      if (before) await count(before, cell, same !== undefined);
      const after = model === undefined
        ? inRun(jobs.after, run)
        : await resolve(finetuneRequest(spec, cell, model));
      // What starts from a model that is still to be trained is new.
      const known = (!before || model !== undefined) && await sameJob(store, after) !== undefined;
      await count(after, cell, known);
      await pause();
    }
  }
  const list = [...parts.values()];
  const left = list.filter(({ jobs, known }) => jobs > known);
  const seconds = left.map(({ jobs, known, seconds }) =>
    seconds === null ? null : seconds * (jobs - known)
  );
  const bytes = list.map(({ bytes }) => bytes);
  return {
    rows: rows.map(({ name }) => name),
    backbones: spec.backbones,
    runs: runs.length,
    cells: runs.length * templates.length,
    parts: list.map(({ width: _, ...part }) => part),
    seconds: seconds.includes(null) ? null : sum(seconds as number[]),
    bytes: bytes.includes(null) ? null : Math.max(0, ...bytes as number[]),
    warnings: cutWarnings(spec, await store.images.all(dataset.id)),
    disk_bytes: sum(
      left.map(({ jobs, known, backbone, width }) =>
        (jobs - known) * backboneSpec(backbone).parameters(width) * 4
      ),
    ),
  };
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
