/** The spec of a `study`: the table of methods, arms and backbones over several runs, from one request. */
import { z } from "zod";
import { InvalidInput } from "@/lib/errors.ts";
import {
  finetuneRequest,
  type GridCell,
  gridCells,
  gridRows,
  pretrainRequest,
} from "./study_grid.ts";
import type { JobSpec } from "./spec.ts";
import { configs, type MethodName } from "@/lib/ssl/configs.ts";
import { newId, now, type Store } from "@/lib/store/mod.ts";
import { finetune } from "./finetune.ts";
import { parseSpec } from "./parse.ts";
import { pretrain } from "./pretrain.ts";

const method = z.enum(Object.keys(configs) as [MethodName, ...MethodName[]]);
const backbone = z.enum(["resnet18", "resnet50", "resnet101"]);
const distinct = <T extends z.ZodType>(entry: T) =>
  z.array(entry).min(1).max(100)
    .refine((list) => new Set(list).size === list.length, "each may be named once");
/** Trainings of one study. */
const MOST_CELLS = 2000;

/** Fields that the grid decides, and that its parts therefore may not give. */
const DECIDED = {
  pretrain: [
    ...["kind", "dataset", "method", "arm", "similarity", "component", "cut", "backbone", "init"],
    ...["seed", "leave_out", "name"],
  ],
  finetune: ["kind", "dataset", "init", "backbone", "seed", "folds", "fold", "name"],
};
/** The network is the same in all rows, or their difference would be that of networks. */
const NETWORK = ["width", "channels", "image_size", "normalization"];
const settings = (decided: string[]) =>
  z.record(z.string(), z.unknown()).superRefine((fields, context) => {
    for (const field of decided.filter((name) => Object.hasOwn(fields, name))) {
      context.addIssue({ code: "custom", path: [field], message: "the study itself decides this" });
    }
  });

const schema = z.strictObject({
  dataset: z.string().min(1).max(200),
  name: z.string().min(1).max(200).nullable().default(null),
  methods: distinct(method).default(["moco", "byol", "simsiam"]),
  arms: distinct(z.enum(["none", "gaze", "shuffled", "self", "labels"]))
    .default(["none", "gaze"]),
  backbones: distinct(backbone).default(["resnet18"]),
  /** One run each; 0 to 4 where no folds are asked for. */
  seeds: distinct(z.int().min(0).max(Number.MAX_SAFE_INTEGER)).nullable().default(null),
  /** Runs over the folds of one cross-validation instead. */
  folds: z.int().min(2).max(20).nullable().default(null),
  /** The row "From scratch". */
  scratch: z.boolean().default(true),
  /** Models with ImageNet weights by backbone: the row "ImageNet". */
  imagenet: z.partialRecord(backbone, z.string().min(1).max(200)).default({}),
  /** What pre-training starts from; null: the ImageNet models where they are given. */
  start: z.enum(["scratch", "imagenet"]).nullable().default(null),
  /** Id of a similarity, for the arms `gaze` and `shuffled`. */
  similarity: z.string().min(1).max(200).nullable().default(null),
  component: z.string().max(100).nullable().default(null),
  cut: z.record(z.string(), z.unknown()).optional().describe("As a pretrain job takes it"),
  pretrain: settings(DECIDED.pretrain).default({}).describe(
    "Fields of a pretrain job, for all methods; width, channels and image_size hold for all rows",
  ),
  by_method: z.partialRecord(method, settings([...DECIDED.pretrain, ...NETWORK])).default({})
    .describe("Fields of a pretrain job for one method, before those of `pretrain`"),
  finetune: settings(DECIDED.finetune).default({}).describe("Fields of a finetune job"),
  dry_run: z.boolean().optional().describe("Answers the plan and queues nothing"),
}).superRefine((spec, context) => {
  const problem = (field: string, message: string) =>
    context.addIssue({ code: "custom", path: [field], message });
  if (spec.seeds && spec.folds) problem("folds", "seeds or folds, not both");
  const lacking = spec.backbones.filter((name) => spec.imagenet[name] === undefined);
  const given = Object.keys(spec.imagenet).length > 0;
  if (given && lacking.length > 0) problem("imagenet", `a model for ${lacking} is needed too`);
  if (spec.start === "imagenet" && !given) problem("start", "no ImageNet models are given");
});

/** Every default filled in; settings of the cells as they were given. */
export type StudySpec = Omit<z.output<typeof schema>, "imagenet" | "by_method"> & {
  imagenet: Record<string, string>;
  by_method: Record<string, Record<string, unknown>>;
};

/** @throws {InvalidInput} naming each field that is wrong */
export function parseStudy(given: unknown): StudySpec {
  const { dry_run: _, ...spec } = parseSpec(schema, given);
  return {
    ...spec,
    seeds: spec.seeds ?? (spec.folds === null ? [0, 1, 2, 3, 4] : null),
    start: spec.start ?? (Object.keys(spec.imagenet).length > 0 ? "imagenet" : "scratch"),
  } as StudySpec;
}

export const study: JobSpec<typeof schema> = {
  schema,
  resolve(given, store) {
    const spec = parseStudy(given);
    spec.imagenet = Object.fromEntries(
      Object.entries(spec.imagenet).map(([name, model]) => [name, store.models.resolve(model).id]),
    );
    spec.pretrain = { ...sharedNetwork(spec, store), ...spec.pretrain };
    const cells = gridCells(spec);
    if (cells.length > MOST_CELLS) {
      throw new InvalidInput(`Cannot plan ${cells.length} cells: ${MOST_CELLS} are the most`);
    }
    const first = cells.slice(0, cells.length / (spec.seeds?.length ?? spec.folds!));
    for (const cell of first) checkCell(spec, cell, store);
    return { ...spec };
  },
  queued(job, store) {
    const spec = parseStudy(job.spec);
    const { id } = store.studies.insert({
      id: newId("stu"),
      job_id: job.id,
      name: spec.name,
      dataset_id: store.datasets.byName(spec.dataset).id,
      spec: job.spec,
      summary: null,
      created_at: now(),
    });
    gridCells(spec).forEach((cell, position) =>
      store.studies.insertCell({
        ...cell,
        study_id: id,
        position,
        state: "waiting",
        pretrain_job: null,
        pretrained: null,
        finetune_job: null,
        model: null,
        evaluation: null,
        error: null,
      })
    );
    const progress = { done: 0, total: gridCells(spec).length, unit: "cells" };
    store.jobs.update(job.id, { study: id, progress });
  },
};

/** What the ImageNet models have in common of their network, so that rows without them have it too. */
function sharedNetwork(spec: StudySpec, store: Store): Record<string, unknown> {
  const models = Object.values(spec.imagenet).map((id) => store.models.resolve(id).spec);
  const fields = (["width", "channels", "image_size"] as const).filter((field) =>
    models.length > 0 && new Set(models.map((model) => JSON.stringify(model[field]))).size === 1
  );
  return Object.fromEntries(fields.map((field) => [field, models[0][field]]));
}

/** Both jobs of a cell are resolved, so that what is wrong is said now and not in some hours. */
function checkCell(spec: StudySpec, cell: GridCell, store: Store): void {
  const { method } = gridRows(spec).find(({ key }) => key === cell.row)!;
  const { kind: _, ...before } = pretrainRequest(spec, cell) ?? {};
  const { kind: __, ...after } = finetuneRequest(spec, cell);
  if (method) {
    const own = spec.by_method[method] ?? {};
    const place = (field: string) =>
      field in own ? `/by_method/${method}` : field in spec.pretrain ? "/pretrain" : "";
    within(place, () => pretrain.resolve!(parseSpec(pretrain.schema, before), store));
  }
  const place = (field: string) => field in spec.finetune ? "/finetune" : "/pretrain";
  within(place, () => finetune.resolve!(parseSpec(finetune.schema, after), store));
}

/** Points problems of a cell's job at the study's own fields. */
function within(place: (field: string) => string, body: () => void): void {
  try {
    body();
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error;
    const problems = error.problems.map((problem) => {
      const field = problem.pointer?.split("/")[1] ?? "";
      return { ...problem, pointer: place(field) + (problem.pointer ?? "") };
    });
    throw new InvalidInput(error.message, problems);
  }
}
