/** Runs a `finetune` job: a classifier and its evaluation on images it was not trained on. */
import { evaluation } from "@/lib/evaluation/evaluation.ts";
import { thresholds } from "@/lib/evaluation/operating_points.ts";
import { multiLabelEvaluation } from "@/lib/evaluation/multi_label_evaluation.ts";
import { isMultiLabel, type MultiLabelScores, type Scores } from "@/lib/evaluation/scores.ts";
import type { JobContext } from "@/lib/specs/job_context.ts";
import type { JobResult } from "@/lib/specs/mod.ts";
import { type JobHandler, told } from "./handler.ts";
import { type FinetuneSpec, parseFinetune } from "@/lib/specs/finetune.ts";
import { type NetworkSpec, resolveNetwork } from "@/lib/specs/network.ts";
import { splitOf } from "@/lib/specs/split_spec.ts";
import { deviceWarnings, warningsOf } from "@/lib/training/lineage.ts";
import { seenBefore, seenWarning } from "@/lib/training/seen.ts";
import { sameSetWarning } from "@/lib/training/told_origin.ts";
import { trainingPartWarnings } from "@/lib/training/training_part.ts";
import { newId, now, type SeenImages } from "@/lib/store/mod.ts";
import { isBetter } from "@/lib/training/model_selection.ts";
import { estimateFinetune, planned } from "@/lib/training/estimate.ts";
import { type FoldResult, runFold } from "@/lib/training/fold.ts";
import { hasColour } from "@/lib/training/image_set.ts";
import { identity, initialModel, jobDataset } from "@/lib/training/job_inputs.ts";
import { joined } from "@/lib/training/training_loop.ts";
import { finetuneTape } from "@/lib/training/finetuner.ts";
import { drawings } from "@/lib/datasets/few_labels.ts";
import { labelled, type MultiLabelled } from "@/lib/datasets/labelled.ts";
import { ignoredMarks, splitsOf, unusedOf } from "@/lib/datasets/job_split.ts";
import { Probe } from "@/lib/training/probe.ts";
import { publish, publishedBy } from "@/lib/training/publish.ts";
import { selectVariants } from "@/lib/training/tuning.ts";

export const finetune = {
  async run(context: JobContext) {
    const { store, job, gpu } = context;
    const published = await publishedBy(context);
    if (published) {
      const { id, warnings } = (await store.evaluations.ofJob(job.id))!;
      return { model: published.id, evaluation: id, ...told(warnings) };
    }
    const spec = await resolveNetwork(parseFinetune(job.spec), store) as FinetuneSpec & NetworkSpec;
    const dataset = await jobDataset(context);
    const known = labelled(await store.images.all(dataset.id), dataset);
    const { classes, rows } = known;
    const multi_label = "truths" in known;
    if (multi_label) tellUnknown(context, known);
    const splits = splitsOf(splitOf(spec), rows);
    for (const message of [ignoredMarks(splitOf(spec), rows), unusedOf(splits, rows)]) {
      if (message) context.event("warning", { message });
    }
    const trainings = drawings(spec, rows, splits);
    const repeated = spec.repeats > 1;
    const drawn = spec.labels === null ? null : trainings.map(({ split: { train } }) => ({
      images: train.length,
      by_class: Object.fromEntries(
        classes.map((name, c) => [
          name,
          train.filter((i) => multi_label ? known.truths[i][c] === 1 : known.labels[i] === c)
            .length,
        ]),
      ),
    }));
    if (drawn) {
      context.event("log", {
        message: `labels of ${drawn[0].images} of ${
          splits[0].train.length
        } training images are used`,
        drawn,
      });
    }
    // Folds have nearly as many images each, and nearly always full batches.
    const batch = Math.min(spec.batch_size, trainings[0].split.train.length);
    const selected = spec.mode === "logistic" ? {} : await selectVariants(
      context,
      spec.tuning,
      () => finetuneTape(gpu, spec, classes, { batch, multi_label }).tape,
    );
    planned(
      context,
      estimateFinetune(gpu, spec, {
        ...{ images: rows.length, classes, multi_label, selected, colour: hasColour(rows) },
      }),
    );
    const start = await initialModel(store, spec.init);
    const results: FoldResult[] = [];
    let chosen = 0;
    const shared = { spec, labelled: known, start };
    const probes = splits.map((split) =>
      spec.mode === "logistic" ? new Probe(context, shared, split) : undefined
    );
    for (const [fold, { split, of }] of trainings.entries()) {
      const options = { ...shared, split, fold, folds: trainings.length, selected };
      const counted = repeated ? "repeat" as const : "fold" as const;
      const result = await runFold(context, { ...options, counted, probe: probes[of] });
      results.push(result);
      const best = results[chosen].best.validation;
      // Of repeats the first is kept: the best would have been chosen by its luck.
      if (!repeated && isBetter(result.best.validation, best, spec.select)) chosen = fold;
      // Only the weights that will be kept stay in memory.
      results.forEach(({ weights }, i) => i !== chosen && weights.clear());
    }
    const positive = dataset.positive_label !== null && classes.includes(dataset.positive_label)
      ? dataset.positive_label
      : null;
    const operating = results.map(({ validation }) =>
      validation && positive !== null && !isMultiLabel(validation)
        ? thresholds(validation, positive)
        : null
    );
    const patients = new Map(rows.map(({ name, patient }) => [name, patient]));
    const { metrics, scores } = multi_label
      ? multiLabelEvaluation(results.map(({ scores }) => scores as MultiLabelScores), positive, {
        ...{ patients, repeated },
      })
      : evaluation(results.map(({ scores }) => scores as Scores), positive, {
        ...{ patients, repeated },
        thresholds: operating,
      });
    const tested = splits.flatMap(({ test }) => test);
    const seen: SeenImages = {
      pretraining: await seenBefore(store, spec.init, dataset, tested.map((i) => rows[i])),
      training: { images: 0, patients: 0 },
    };
    const devices = joined(results.flatMap((result) => result.devices));
    const inherited = [...warningsOf(start?.row), ...deviceWarnings(devices)];
    const warnings = [
      ...inherited,
      ...seenWarning(seen, { images: tested.length }),
      ...await sameSetWarning(store, start?.row, dataset),
      ...trainingPartWarnings(
        trainings.map(({ split }) => split),
        known,
        repeated ? "Repeat" : "Fold",
      ),
    ];
    for (const message of [...warnings, ...metrics.warnings ?? []]) {
      context.event("warning", { message });
    }
    const evaluated = newId("ev");
    const kept = operating[chosen];
    const names = (indices: number[]) => indices.map((i) => rows[i].name);
    const { train, validation, test } = trainings[chosen].split;
    const { probe } = results[chosen];
    const model = await publish(context, {
      weights: results[chosen].weights,
      kind: "classifier",
      name: spec.name,
      spec: results[chosen].model,
      dataset,
      trained: [...train, ...validation].map((i) => rows[i]),
      lineage: {
        ...identity<"finetune">(context),
        ...(devices.length > 1 && { devices }),
        ...{ init: spec.init, choices: selected },
        best: results[chosen].best,
        ...(splits.length > 1 && { fold: chosen }),
        ...(drawn && { labels: { available: splits[0].train.length, drawn } }),
        ...(probe && { probe: { c: spec.c, ...probe } }),
        ...(kept && { thresholds: kept }),
        ...(inherited.length > 0 && { warnings: inherited }),
        split: { train: names(train), validation: names(validation), test: names(test) },
      },
    }, (model_id) => ({
      id: evaluated,
      model_id,
      dataset_id: dataset.id,
      dataset_digest: dataset.digest,
      job_id: job.id,
      ...{ seen, warnings },
      ...{ metrics, scores },
      created_at: now(),
    }));
    return { model, evaluation: evaluated, ...told(warnings) };
  },
  estimate(device, { spec, images, classes, multi_label, colour }) {
    return estimateFinetune(device, parseFinetune(spec) as FinetuneSpec & NetworkSpec, {
      ...{ images, classes, multi_label, colour },
    });
  },
} satisfies JobHandler<JobResult<"finetune">>;

/** How much of a multi-label set is not known: no loss and no figure counts it. */
function tellUnknown(context: JobContext, { truths, classes }: MultiLabelled): void {
  const pairs = truths.length * classes.length;
  const unknown = truths.flat().filter((is) => is === null).length;
  context.event("log", {
    message: `${classes.length} findings of ${truths.length} images, ` +
      `${unknown} of ${pairs} pairs are not known: they count in no loss and no figure`,
    ...{ findings: classes.length, images: truths.length, unknown },
  });
}
