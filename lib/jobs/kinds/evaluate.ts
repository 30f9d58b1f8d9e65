/** Runs an `evaluate` job: all metrics of a classifier on the images it is asked about. */
import { Conflict, InvalidInput } from "@/lib/errors.ts";
import { evaluation } from "@/lib/evaluation/evaluation.ts";
import { LoadedModel } from "@/lib/inference/loaded_model.ts";
import type { JobContext } from "@/lib/specs/job_context.ts";
import type { JobResult } from "@/lib/specs/mod.ts";
import { type JobHandler, told } from "./handler.ts";
import { type EvaluateSpec, parseEvaluate } from "@/lib/specs/evaluate.ts";
import { sizeOf } from "@/lib/images/image_size.ts";
import {
  type HashedDatasetRow,
  type ImageRow,
  type ModelRow,
  newId,
  now,
} from "@/lib/store/mod.ts";
import { loadImages } from "@/lib/training/image_set.ts";
import { jobDataset, loading } from "@/lib/training/job_inputs.ts";
import { labelledFor, truthOf } from "@/lib/datasets/labelled.ts";
import { findingsOf } from "@/lib/datasets/multi_label.ts";
import { multiLabelEvaluation } from "@/lib/evaluation/multi_label_evaluation.ts";
import { isMultiLabel } from "@/lib/evaluation/scores.ts";
import type { ClassifierLineage } from "@/lib/training/lineage.ts";
import { warningsOf } from "@/lib/training/lineage.ts";
import { quoted } from "@/lib/quoted.ts";
import { seenBy, seenWarning } from "@/lib/training/seen.ts";
import { numbering } from "@/lib/evaluation/patient_numbering.ts";
import { scoreWarnings } from "@/lib/evaluation/warnings.ts";
import { sameSetWarning } from "@/lib/training/told_origin.ts";
import { Scorer } from "@/lib/training/score.ts";

export const evaluate = {
  async run(context: JobContext) {
    const { store, job, gpu } = context;
    const done = await store.evaluations.ofJob(job.id);
    if (done) return { evaluation: done.id, ...told(done.warnings) };
    const spec = parseEvaluate(job.spec);
    const dataset = await jobDataset(context);
    const row = await store.models.resolve(spec.model);
    const images = await imagesOf(context, spec, row, dataset);
    const known = labelledFor(images, dataset, row.spec);
    const { rows } = known;
    if (rows.length === 0) {
      throw new InvalidInput(`Cannot evaluate on "${dataset.name}": no image has a label`);
    }
    const seen = await seenBy(store, row, dataset, rows);
    const warnings = [
      ...warningsOf(row),
      ...seenWarning(seen, { images: rows.length }),
      ...await sameSetWarning(store, row, dataset),
    ];
    const patients = new Map(rows.map(({ name, patient }) => [name, patient]));
    const { unitOf } = numbering(patients);
    const units = rows.map(({ name }) => unitOf(name));
    const few = "truths" in known
      ? otherFindings(known.classes, findingsOf(dataset)!)
      : scoreWarnings({ classes: row.spec.classes, labels: known.labels }, units);
    if ("truths" in known) warnings.push(...few);
    for (const message of new Set([...warnings, ...few])) context.event("warning", { message });
    const trained = seen.training?.images ?? null;
    context.event("log", {
      message: trained === null
        ? `${rows.length} images are tested; what the model was trained on is not known`
        : `${rows.length} images are tested, the model was trained on ${trained} of them`,
      ...{ images: rows.length, trained_on: trained },
    });
    const { image_size, channels } = row.spec;
    const set = await loadImages(store, rows, {
      ...{ size: sizeOf(image_size), channels },
      onProgress: loading(context),
    });
    const model = await LoadedModel.load(gpu, store.files, row);
    try {
      const scorer = new Scorer(
        gpu,
        model.weights,
        row.spec,
        set,
        truthOf(known, rows.map((_, i) => i)),
        spec.batch_size,
        `model "${row.id}"`,
      );
      const scores = await scorer.score(() => context.yield());
      scorer.destroy();
      const { positive_label: positive } = dataset;
      const named = positive !== null && row.spec.classes.includes(positive) ? positive : null;
      const { thresholds } = row.lineage as Partial<ClassifierLineage>;
      const result = isMultiLabel(scores)
        ? multiLabelEvaluation([scores], named, { patients })
        : evaluation([scores], named, {
          patients,
          thresholds: [thresholds?.filter((one) => one.class === named) ?? null],
        });
      const id = newId("ev");
      await context.publish({
        evaluation: {
          id,
          model_id: row.id,
          dataset_id: dataset.id,
          dataset_digest: dataset.digest,
          job_id: job.id,
          ...{ seen, warnings },
          ...result,
          created_at: now(),
        },
      });
      return { evaluation: id, ...told(warnings) };
    } finally {
      model.destroy();
    }
  },
} satisfies JobHandler<JobResult<"evaluate">>;

/** Findings that only one of model and set has, in words. */
function otherFindings(model: string[], set: string[]): string[] {
  const [lacking, unasked] = [
    model.filter((name) => !set.includes(name)),
    set.filter((name) => !model.includes(name)),
  ];
  return [
    ...(lacking.length > 0
      ? [`The data set has no ${quoted(lacking)}: what the model says of it is in no figure`]
      : []),
    ...(unasked.length > 0
      ? [`The model has no ${quoted(unasked)}: these findings of the data set are not looked at`]
      : []),
  ];
}

/** @throws {Conflict} when there is no such part */
async function imagesOf(
  { store, event }: JobContext,
  { split }: EvaluateSpec,
  model: ModelRow,
  dataset: HashedDatasetRow,
): Promise<ImageRow[]> {
  const images = await store.images.all(dataset.id);
  if (split === "all") return images;
  const own = (model.lineage as Partial<ClassifierLineage>).split;
  const listed = model.dataset_digest === dataset.digest ? own?.[split] : undefined;
  if (own && !listed && model.dataset_id === dataset.id) {
    event("warning", {
      message:
        `"${dataset.name}" has changed since the model was fine-tuned on it: the ${split} part is the ` +
        "one that is given with it now, not the model's own",
    });
  }
  const names = new Set(listed);
  const part = images.filter((image) => listed ? names.has(image.name) : image.split === split);
  if (part.length === 0) {
    throw new Conflict(`Cannot evaluate on the ${split} part of "${dataset.name}": it has none`);
  }
  return part;
}
