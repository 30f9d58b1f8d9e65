/** Runs an `evaluate` job: all metrics of a classifier on the images it is asked about. */
import { Conflict, InvalidInput } from "@/lib/errors.ts";
import { evaluation } from "@/lib/evaluation/evaluation.ts";
import { LoadedModel } from "@/lib/inference/loaded_model.ts";
import type { JobContext } from "@/lib/specs/job_context.ts";
import type { JobResult } from "@/lib/specs/mod.ts";
import type { JobHandler } from "./handler.ts";
import { type EvaluateSpec, parseEvaluate } from "@/lib/specs/evaluate.ts";
import { sizeOf } from "@/lib/images/image_size.ts";
import { type DatasetRow, type ImageRow, type ModelRow, newId, now } from "@/lib/store/mod.ts";
import { loadImages } from "@/lib/training/image_set.ts";
import { jobDataset, loading } from "@/lib/training/job_inputs.ts";
import { labelled } from "@/lib/datasets/labelled.ts";
import type { ClassifierLineage } from "@/lib/training/lineage.ts";
import { Scorer } from "@/lib/training/score.ts";

export const evaluate = {
  async run(context: JobContext) {
    const { store, job, gpu } = context;
    const done = store.evaluations.findBy([["job_id = ?", job.id]]);
    if (done) return { evaluation: done.id };
    const spec = parseEvaluate(job.spec);
    const dataset = jobDataset(context);
    const row = store.models.resolve(spec.model);
    const images = imagesOf(spec, row, dataset, store.images.all(dataset.id));
    const { rows, labels } = labelled(images, row.spec.classes);
    if (rows.length === 0) {
      throw new InvalidInput(`Cannot evaluate on "${dataset.name}": no image has a label`);
    }
    const { image_size, channels } = row.spec;
    const set = await loadImages(store, rows, {
      ...{ size: sizeOf(image_size), channels },
      onProgress: loading(context),
    });
    const model = await LoadedModel.load(gpu, store.files, row);
    try {
      const scorer = new Scorer(gpu, model.weights, row.spec, set, labels, spec.batch_size);
      const scores = await scorer.score(() => context.yield());
      scorer.destroy();
      const { positive_label: positive } = dataset;
      const named = positive !== null && row.spec.classes.includes(positive) ? positive : null;
      const { thresholds, split } = row.lineage as Partial<ClassifierLineage>;
      const result = evaluation([scores], named, {
        patients: new Map(rows.map(({ name, patient }) => [name, patient])),
        thresholds: [thresholds?.filter((one) => one.class === named) ?? null],
        warnings: row.dataset_id === dataset.id
          ? chosenOn(new Set(split?.validation), rows.map(({ name }) => name))
          : [],
      });
      const { id } = store.jobs.withClaim(job, () =>
        store.evaluations.insert({
          id: newId("ev"),
          model_id: row.id,
          dataset_id: dataset.id,
          job_id: job.id,
          ...result,
          created_at: now(),
        }));
      return { evaluation: id };
    } finally {
      model.destroy();
    }
  },
} satisfies JobHandler<JobResult<"evaluate">>;

/** Thresholds and the epoch flatter the images that they were chosen on. */
function chosenOn(validation: Set<string>, tested: string[]): string[] {
  const n = tested.filter((name) => validation.has(name)).length;
  return n === 0 ? [] : [
    `${n} of ${tested.length} tested images are those on which the model's epoch and thresholds were ` +
    "chosen: figures are too good there",
  ];
}

/** @throws {Conflict} when there is no such part */
function imagesOf(
  { split }: EvaluateSpec,
  model: ModelRow,
  dataset: DatasetRow,
  images: ImageRow[],
): ImageRow[] {
  if (split === "all") return images;
  const listed = model.dataset_digest === dataset.digest
    ? (model.lineage as Partial<ClassifierLineage>).split?.[split]
    : undefined;
  const names = new Set(listed);
  const part = images.filter((image) => listed ? names.has(image.name) : image.split === split);
  if (part.length === 0) {
    throw new Conflict(`Cannot evaluate on the ${split} part of "${dataset.name}": it has none`);
  }
  return part;
}
