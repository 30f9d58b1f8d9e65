/** The grid of a study: rows of the table, its cells, and the two jobs that compute a cell. */
import { isCut } from "@/lib/gaze/arms/arm.ts";
import { arms } from "@/lib/gaze/arms/mod.ts";
import { methodSpecs } from "@/lib/ssl/specs.ts";
import { applyPreset } from "./preset.ts";
import type { StudySpec } from "./study_schema.ts";

/** A row of the table, for all backbones. */
export interface GridRow {
  /** `scratch`, `initial` (`imagenet` in studies of an older version), or method and arm: `byol gaze`. */
  key: string;
  name: string;
  method: StudySpec["methods"][number] | null;
  arm: StudySpec["arms"][number] | null;
  /** Key of the row to compare with: the same method without gaze. */
  against: string | null;
  /** Key of the row that is its control: of `gaze`, the same method with shuffled gaze. */
  control: string | null;
}

/** One training: a row, a backbone, a run. */
export interface GridCell {
  row: string;
  backbone: string;
  /** Seed, or number of the fold. */
  run: number;
}

/** In the order of the published table: without pre-training first, then method by method. */
export function gridRows(
  spec: Pick<
    StudySpec,
    "scratch" | "imagenet" | "start" | "start_name" | "methods" | "arms" | "finetune"
  >,
) {
  const rows: GridRow[] = [];
  const plain = (key: string, name: string) =>
    rows.push({ key, name, method: null, arm: null, against: null, control: null });
  if (spec.scratch) plain("scratch", isProbe(spec) ? "Random frozen network" : "From scratch");
  if (Object.keys(initialModels(spec)).length > 0) {
    plain(spec.start_name === null ? "imagenet" : "initial", initialName(spec));
  }
  const baseline = spec.arms.find((arm) => arms[arm].baseline);
  for (const method of spec.methods) {
    for (const arm of spec.arms) {
      const control = spec.arms.find((other) => arms[other].control?.of === arm);
      rows.push({
        key: `${method} ${arm}`,
        name: arms[arm].row(methodSpecs[method].title),
        method,
        arm,
        against: baseline && arm !== baseline ? `${method} ${baseline}` : null,
        control: control ? `${method} ${control}` : null,
      });
    }
  }
  return rows;
}

/** Models whose weights have a row of their own, by backbone. */
export function initialModels(
  { start, imagenet }: Pick<StudySpec, "start" | "imagenet">,
): Record<string, string> {
  return start === "scratch" ? imagenet : start;
}

/** What their row is called. Older versions kept no name. */
export function initialName({ start_name }: Pick<StudySpec, "start_name">): string {
  return start_name ?? "ImageNet";
}

/** Whether the backbones stay as they are while classifiers are trained. */
export function isProbe({ finetune }: Pick<StudySpec, "finetune">): boolean {
  return finetune.mode !== undefined && finetune.mode !== "full";
}

/** Seeds, or numbers of folds. */
export function gridRuns({ seeds, folds }: Pick<StudySpec, "seeds" | "folds">): number[] {
  return folds === null ? seeds! : Array.from({ length: folds }, (_, fold) => fold);
}

/** How many of each there are; their product is the number of cells. */
export function gridSize(spec: StudySpec): { rows: number; backbones: number; runs: number } {
  const { seeds, folds, backbones } = spec;
  return {
    rows: gridRows(spec).length,
    backbones: backbones.length,
    runs: folds ?? seeds!.length,
  };
}

/** All cells, or those of some runs, run by run, so that the whole table fills alike. */
export function gridCells(spec: StudySpec, runs = gridRuns(spec)): GridCell[] {
  const rows = gridRows(spec);
  return runs.flatMap((run) =>
    spec.backbones.flatMap((backbone) => rows.map(({ key }) => ({ row: key, backbone, run })))
  );
}

/** Weights, order and draws follow from the seed: what shares a run shares them. */
function drawn({ folds, split_seed }: StudySpec, run: number) {
  const drawn = folds === null
    ? { seed: run, folds: null, fold: null }
    : { seed: 0, folds, fold: run };
  return { ...drawn, split_seed: split_seed ?? undefined };
}

/**
 * A resolved job of one run as that of another: what is drawn differs, and nothing that was looked up.
 * @param spec of a `pretrain` or `finetune` of this study
 */
export function ofRun(
  study: StudySpec,
  spec: Record<string, unknown>,
  run: number,
): Record<string, unknown> {
  const { seed, fold, split_seed = seed } = drawn(study, run);
  const parts = spec.leave_out as Record<string, unknown> | null | undefined;
  if (!parts) return { ...spec, seed, split_seed, fold };
  return { ...spec, seed, split_seed, leave_out: { ...parts, seed: split_seed, fold } };
}

/** Shape and input of the network, where the request gives them, for trainings without a model to start from. */
function network(spec: StudySpec): Record<string, unknown> {
  const { width, channels } = spec.pretrain;
  return { width, channels, image_size: imageSizeOf(spec) };
}

/** Size of the input in all rows: as the request gives it, else as a preset of its methods does. */
function imageSizeOf({ pretrain, by_method, methods }: StudySpec): unknown {
  if (pretrain.image_size !== undefined) return pretrain.image_size;
  return methods.map((method) => by_method[method]?.preset ?? pretrain.preset)
    .map((preset) => (applyPreset({ preset }) as { image_size?: unknown }).image_size)
    .find((size) => size !== undefined);
}

/** The `pretrain` request of a cell; undefined for a row without pre-training. */
export function pretrainRequest(
  spec: StudySpec,
  { row, backbone, run }: GridCell,
): Record<string, unknown> | undefined {
  const { method, arm } = gridRows(spec).find(({ key }) => key === row)!;
  if (!method || !arm) return undefined;
  const { seed, folds, fold, split_seed = seed } = drawn(spec, run);
  const { split } = spec.finetune;
  const pairs = { similarity: spec.similarity, component: spec.component };
  return defined({
    ...spec.pretrain,
    ...spec.by_method[method],
    image_size: imageSizeOf(spec),
    kind: "pretrain",
    dataset: spec.dataset,
    method,
    arm,
    backbone,
    init: spec.start === "scratch" ? "scratch" : spec.start[backbone],
    seed,
    leave_out: defined({ split, folds, fold, seed: split_seed }),
    // Other arms are the same whatever the similarity and the cut.
    ...(arms[arm].needs === "similarity" ? pairs : {}),
    ...(isCut(arms[arm])
      ? { cut: spec.cut, across_patients: spec.across_patients }
      : { cut: undefined }),
  });
}

/**
 * The `finetune` request of a cell.
 * @param pretrained id of the model that was pre-trained; undefined for a row without pre-training
 */
export function finetuneRequest(
  spec: StudySpec,
  { row, backbone, run }: GridCell,
  pretrained?: string,
): Record<string, unknown> {
  const start = pretrained
    ? { init: pretrained }
    : row === "initial" || row === "imagenet"
    ? { init: initialModels(spec)[backbone], ...network(spec) }
    : { init: "scratch", backbone, ...network(spec) };
  return defined({
    ...start,
    ...spec.finetune,
    kind: "finetune",
    dataset: spec.dataset,
    ...(start.init === "scratch" ? ownNormalization(spec) : {}),
    ...drawn(spec, run),
  });
}

/** Without a model to start from there is no model's normalisation. */
function ownNormalization({ pretrain, finetune }: StudySpec): { normalization: unknown } {
  const normalization = finetune.normalization ?? pretrain.normalization;
  return { normalization: normalization === "model" ? undefined : normalization };
}

function defined(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
