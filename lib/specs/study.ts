/** The spec of a `study`: the table of methods, arms and backbones over several runs, from one request. */
import { z } from "zod";
import { withoutTest } from "@/lib/datasets/job_split.ts";
import { InvalidInput } from "@/lib/errors.ts";
import { filled } from "@/lib/filled_schema.ts";
import {
  finetuneRequest,
  type GridCell,
  gridCells,
  gridRows,
  gridRuns,
  gridSize,
  initialModels,
  pretrainRequest,
} from "./study_grid.ts";
import { addedFields, type JobAction, type JobSpec, laterFields } from "./spec.ts";
import { finishedStates, type JobRow, newId, now, openCells, type Store } from "@/lib/store/mod.ts";
import { finetune } from "./finetune.ts";
import { remembering } from "@/lib/store/remembering.ts";
import { parseSpec } from "./parse.ts";
import { pretrain } from "./pretrain.ts";
import { studySchema, type StudySpec } from "./study_schema.ts";

/** Trainings of one study: their rows, its table and its plan stay small up to here. */
const MOST_CELLS = 10_000;

/** @throws {InvalidInput} naming each field that is wrong */
export function parseStudy(given: unknown): StudySpec {
  const { dry_run: _, ...spec } = parseSpec(studySchema, given);
  return {
    ...spec,
    seeds: spec.seeds ?? (spec.folds === null ? [0, 1, 2, 3, 4] : null),
    start: startOf(spec),
  } as StudySpec;
}

function startOf(
  { start, imagenet, backbones }: Pick<
    z.output<typeof studySchema>,
    "start" | "imagenet" | "backbones"
  >,
): "scratch" | Record<string, string> {
  const given = Object.keys(imagenet).length > 0;
  if (start === "scratch" || (start === null && !given)) return "scratch";
  if (start === null || (start === "imagenet" && given)) return imagenet as Record<string, string>;
  if (typeof start !== "string") return start as Record<string, string>;
  return Object.fromEntries(backbones.map((backbone) => [backbone, start]));
}

const { dry_run: _, ...given } = studySchema.shape;
const kept = filled(z.object({
  ...given,
  start: z.union([z.string(), given.imagenet.unwrap()]).describe(
    "What pre-training starts from: `scratch`, or ids by backbone; `imagenet` in jobs of an older version",
  ),
  ...laterFields({
    start_name: given.start_name,
    split_seed: given.split_seed,
    across_patients: given.across_patients,
    cut_leave_out: given.cut_leave_out,
  }),
  ...addedFields,
})).meta({ id: "StudySpec" });
const result = z.object({
  study: z.string().describe("Id"),
  done: z.number().describe("Cells"),
  failed: z.number(),
  cancelled: z.number(),
});

export const study: JobSpec<typeof studySchema, typeof kept, typeof result> = {
  title: "Study",
  about: "The table of methods, arms and backbones over several runs.",
  ...{ schema: studySchema, kept, result },
  async resolve(given, store) {
    const spec = parseStudy(given);
    const initial = initialModels(spec);
    const found = await Promise.all(
      Object.entries(initial).map(async ([backbone, model]) =>
        [backbone, await store.models.resolve(model)] as const
      ),
    );
    const wrong = found.find(([backbone, { spec }]) => spec.backbone !== backbone);
    if (wrong) {
      const [backbone, { spec: { backbone: own } }] = wrong;
      const pointer = spec.start === "scratch" ? "/imagenet" : "/start";
      throw new InvalidInput(
        `Cannot start ${backbone} from model "${initial[backbone]}": it is of ${own}`,
        [{ pointer, message: `a model of ${backbone} is needed` }],
      );
    }
    if (found.length > 0) {
      const ids = Object.fromEntries(found.map(([backbone, { id }]) => [backbone, id]));
      if (spec.start === "scratch") spec.imagenet = ids;
      else Object.assign(spec, { start: ids, imagenet: {} });
      spec.start_name ??= [...new Set(found.map(([, { name, id }]) => name ?? id))].join(" / ");
    } else if (spec.start_name !== null) {
      throw new InvalidInput("Cannot name the row of an initial network: there is none", [
        { pointer: "/start_name", message: "needs a `start` that is a model" },
      ]);
    }
    const { cut_leave_out } = spec;
    if (cut_leave_out !== null && cut_leave_out !== "none") {
      const { id } = await store.datasets.byName(spec.dataset);
      const images = await store.images.all(id);
      await within(
        () => "/cut_leave_out",
        () => Promise.try(() => withoutTest(images, cut_leave_out)),
      );
    }
    spec.pretrain = { ...await sharedNetwork(spec, store), ...spec.pretrain };
    const { rows, backbones, runs } = gridSize(spec);
    const count = rows * backbones * runs;
    if (count > MOST_CELLS) {
      throw new InvalidInput(
        `Cannot plan ${count} cells (${rows} rows, ${backbones} backbones, ${runs} runs): ` +
          `${MOST_CELLS} are the most of one study`,
        [{ pointer: spec.folds === null ? "/seeds" : "/folds", message: "fewer runs are needed" }],
      );
    }
    await checkRun(spec, remembering(store));
    return { ...spec };
  },
  async queued(job, store) {
    const spec = parseStudy(job.spec);
    const { id } = await store.studies.insert({
      id: newId("stu"),
      job_id: job.id,
      name: spec.name,
      dataset_id: (await store.datasets.byName(spec.dataset)).id,
      spec: job.spec,
      summary: null,
      created_at: now(),
    });
    const cells = gridCells(spec);
    await store.studies.insertCells(id, cells);
    const progress = { done: 0, total: cells.length, unit: "cells" };
    await store.jobs.update(job.id, { study: id, progress });
  },
  made: { control: controlCells },
};

/** The cells' part of what is asked of a study, which itself is held by no worker. */
async function controlCells(
  { id, state }: JobRow,
  store: Store,
  what: JobAction,
  control: (id: string) => Promise<void>,
): Promise<void> {
  const study = (await store.studies.ofJob(id))!;
  if (finishedStates.includes(state)) return;
  // A study that is on its way stops at once, as one that waits.
  if (what !== "resume" && state === "running") await store.jobs.update(id, { state: "queued" });
  for (const job of await store.studies.ownJobs(study.id)) {
    const { state, requested } = await store.jobs.get(job);
    const resumable = state === "paused" || requested === "pause";
    // A job that has no such thing to do is left alone.
    if (what === "resume" ? resumable : state !== "paused" || what === "cancel") await control(job);
  }
  if (what !== "cancel") return;
  for (const cell of await store.studies.cells(study.id, openCells)) {
    await store.studies.updateCell(cell, { state: "cancelled" });
  }
}

/** What the initial models have in common of their network, so that rows without them have it too. */
async function sharedNetwork(spec: StudySpec, store: Store): Promise<Record<string, unknown>> {
  const models = await Promise.all(
    Object.values(initialModels(spec)).map(async (id) => (await store.models.resolve(id)).spec),
  );
  const fields = (["width", "channels", "image_size"] as const).filter((field) =>
    models.length > 0 && new Set(models.map((model) => JSON.stringify(model[field]))).size === 1
  );
  return Object.fromEntries(fields.map((field) => [field, models[0][field]]));
}

/**
 * Both jobs of each cell of the first run are resolved, so that what is wrong is said now and not in some hours;
 * the other runs differ in their seeds, by which few labels may be there in one run and not in another.
 */
async function checkRun(spec: StudySpec, store: Store): Promise<void> {
  const checked = new Set<string>();
  const [first, ...others] = gridRuns(spec);
  for (const cell of gridCells(spec, [first])) await checkCell(spec, cell, store, checked);
  if ((spec.finetune.labels ?? null) === null) return;
  // Labels are drawn from each run's own training part, which may hold too few.
  for (const run of others) {
    const [cell] = gridCells(spec, [run]);
    const { kind: _, ...request } = finetuneRequest(spec, cell);
    await within(
      () => "/finetune",
      async () => await finetune.resolve!(parseSpec(finetune.schema, request), store),
    );
  }
}

/** @param checked fine-tunings that were looked at: most rows have the same */
async function checkCell(
  spec: StudySpec,
  cell: GridCell,
  store: Store,
  checked: Set<string>,
): Promise<void> {
  const { method } = gridRows(spec).find(({ key }) => key === cell.row)!;
  const { kind: _, ...before } = pretrainRequest(spec, cell) ?? {};
  const { kind: __, ...after } = finetuneRequest(spec, cell);
  if (method) {
    const settings = spec.by_method[method] ?? {};
    const place = (field: string) =>
      field in settings ? `/by_method/${method}` : field in spec.pretrain ? "/pretrain" : "";
    await within(
      place,
      async () => await pretrain.resolve!(parseSpec(pretrain.schema, before), store),
    );
  }
  const key = JSON.stringify(after);
  if (checked.has(key)) return;
  checked.add(key);
  const place = (field: string) => field in spec.finetune ? "/finetune" : "/pretrain";
  await within(
    place,
    async () => await finetune.resolve!(parseSpec(finetune.schema, after), store),
  );
}

/** Points problems of a cell's job at the study's own fields. */
async function within(
  place: (field: string) => string,
  body: () => Promise<unknown>,
): Promise<void> {
  try {
    await body();
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error;
    const problems = error.problems.map((problem) => {
      const field = problem.pointer?.split("/")[1] ?? "";
      return { ...problem, pointer: place(field) + (problem.pointer ?? "") };
    });
    throw new InvalidInput(error.message, problems);
  }
}
