/** Runs a `pretrain` job: contrastive pre-training of a backbone, kept as a model. */
import { initialFeatures } from "@/lib/training/initial_features.ts";
import { copyToTarget } from "@/gpu/optim/moving_average.ts";
import { InvalidInput } from "@/lib/errors.ts";
import { type ArmName, arms } from "@/lib/gaze/arms/mod.ts";
import { partnersOf, type Positives } from "@/lib/gaze/positives.ts";
import { comparisonNotes } from "@/lib/datasets/compared_labels.ts";
import { comparedLabel, findingsOf } from "@/lib/datasets/multi_label.ts";
import type { JobContext } from "@/lib/specs/job_context.ts";
import type { JobResult } from "@/lib/specs/mod.ts";
import { type JobHandler, told } from "./handler.ts";
import { type NetworkSpec, resolveNetwork } from "@/lib/specs/network.ts";
import { parsePretrain, pretrain as kind, type PretrainSpec } from "@/lib/specs/pretrain.ts";
import { initialize } from "@/lib/models/initial.ts";
import { loadWeights, saveWeights } from "@/lib/models/weights.ts";
import { encoder } from "@/lib/ssl/encoder.ts";
import { methodSpec } from "@/lib/ssl/specs.ts";
import type { DatasetRow, ImageRow, ModelSpec } from "@/lib/store/mod.ts";
import { Checkpoints, tellingDamage } from "@/lib/training/checkpoint.ts";
import { collapseAlarm } from "@/lib/training/collapse_detector.ts";
import { estimatePretrain, planned } from "@/lib/training/estimate.ts";
import {
  hasColour,
  loadImages,
  normalizationOf,
  placeImages,
  trainingSize,
} from "@/lib/training/image_set.ts";
import { identity, initialModel, jobDataset, loading } from "@/lib/training/job_inputs.ts";
import { type FeatureSource, jobPositives } from "@/lib/training/job_pairs.ts";
import {
  runTrainingLoop,
  stepsOf,
  type TrainingLoopOptions,
} from "@/lib/training/training_loop.ts";
import { packed } from "@/lib/training/positive_sampler.ts";
import { withoutPatientsOf, withoutTest } from "@/lib/datasets/job_split.ts";
import { isLabelled } from "@/lib/datasets/splits.ts";
import { Pretrainer, pretrainTape } from "@/lib/training/pretrainer.ts";
import { armWarnings, idleSettings, labelPrecision } from "@/lib/training/arm_warnings.ts";
import { deviceWarnings, warningsOf } from "@/lib/training/lineage.ts";
import { publish, publishedBy } from "@/lib/training/publish.ts";
import { selectVariants } from "@/lib/training/tuning.ts";

export const pretrain = {
  async run(context: JobContext) {
    const { store, job, gpu } = context;
    const published = await publishedBy(context);
    if (published) return { model: published.id, ...told(warningsOf(published)) };
    const spec = await resolveNetwork(parsePretrain(job.spec), store) as PretrainSpec & NetworkSpec;
    const dataset = await jobDataset(context);
    const all = await store.images.all(dataset.id);
    const findings = findingsOf(dataset);
    const rows = trainedOn(spec, all)
      .map((image) => ({ ...image, label: comparedLabel(image, findings) }));
    for (const message of await comparisonNotes(store, dataset)) context.event("log", { message });
    const batch = batchOf(context, rows.length, spec.batch_size);
    const selected = await selectVariants(
      context,
      spec.tuning,
      () => pretrainTape(gpu, spec, encoder(spec), { batch }).tape,
    );
    planned(
      context,
      estimatePretrain(gpu, spec, rows.length, { selected, colour: hasColour(rows) }),
    );
    const start = await initialModel(store, spec.init);
    const features = () => initialFeatures(context, rows, { spec, start });
    const positives = await jobPositives(store, dataset, rows, spec, features);
    context.event("log", {
      message: `${positives.pairs} positive pairs among ${rows.length} images`,
      arm: spec.arm,
      pairs: positives.pairs,
      cut: positives.cut,
    });
    // The cells of a study share their settings.
    const idle = job.study === null ? idleSettings(spec) : undefined;
    if (idle) context.event("warning", { message: idle, arm: spec.arm });
    const warnings = await pairWarnings(context, spec, { dataset, rows, positives, features });
    const found = {
      pairs: positives.pairs,
      cut: positives.cut,
      ...labelPrecision(positives, rows),
    };
    if (found.precision !== null) {
      context.event("log", {
        message:
          `${percent(found.precision)} of the pairs have one label, of all pairs of the training ` +
          `images ${percent(found.base_rate!)}`,
        ...{ precision: found.precision, base_rate: found.base_rate! },
      });
    }
    tellLeftOut(context, spec, { all, rows });
    if (arms[spec.arm].ownKeys && !methodSpec(spec.method).ownKeys) {
      const message =
        `arm "${spec.arm}" is "none" for ${spec.method}: a batch holds each image once`;
      context.event("log", { message });
    }
    warnings.push(...warningsOf(start?.row));
    const set = await loadImages(store, rows, {
      size: trainingSize(spec.image_size, spec.augmentation.crop !== null),
      channels: spec.channels,
      augmentation: spec.augmentation,
      onProgress: loading(context),
    });
    const normalization = normalizationOf(spec, set, start?.row.spec);
    const loopOptions = { ...spec, images: rows.length, batch, tail: "drop" as const };
    const partners = { partnersOf: partnersOf(positives), most: spec.pack };
    const arrange: TrainingLoopOptions["arrange"] = (order, epoch) =>
      packed(order, { ...partners, batch, seed: spec.seed, epoch });
    const images = placeImages(gpu, set, batch);
    const perEpoch = stepsOf({ ...loopOptions, epochs: 1 });
    const trainee = new Pretrainer(gpu, {
      spec,
      encoder: encoder(spec),
      ...{ batch, images, means: set.means, gaze: set.gaze, normalization },
      ...{ positives, known: rows, perEpoch, selected },
    });
    try {
      initialize(trainee.store, spec.seed);
      if (start) {
        loadWeights(trainee.store, start.weights, { prefix: "backbone." });
        copyToTarget(trainee.store);
      }
      const checkpoints = new Checkpoints(context.checkpoints, tellingDamage(context));
      const { steps, skipped, loss, devices } = await runTrainingLoop(context, trainee, {
        ...loopOptions,
        reportEvery: spec.report_every,
        ...(spec.pack > 0 && { arrange }),
        checkpoints,
        identity: identity(context),
        onReport: collapseAlarm(context, trainee.dimensions),
        async afterEpoch(epoch) {
          const gauges = await trainee.gauges();
          tellWrong(context, gauges, epoch);
          context.metric((epoch + 1) * perEpoch, epoch, gauges);
          return false;
        },
      });
      warnings.push(...deviceWarnings(devices));
      const { backbone, width, channels, image_size } = spec;
      const model = await publish(context, {
        weights: await saveWeights(trainee.store, { prefix: "backbone." }),
        kind: "pretrained",
        name: spec.name,
        spec: { backbone, width, channels, image_size, classes: [], normalization } as ModelSpec,
        dataset,
        trained: rows,
        lineage: {
          ...identity<"pretrain">(context),
          ...(devices.length > 1 && { devices }),
          init: spec.init,
          positives: found,
          images: { trained: rows.length, left_out: all.length - rows.length },
          ...(warnings.length > 0 && { warnings }),
          ...{ steps, skipped, loss, choices: selected },
        },
      });
      checkpoints.clear();
      return { model, ...told(warnings) };
    } finally {
      trainee.destroy();
      images.destroy();
    }
  },
  estimate(device, { spec, images, colour }) {
    const parsed = parsePretrain(spec) as PretrainSpec & NetworkSpec;
    const loaded = Math.ceil(images * kind.training!.share(spec));
    return estimatePretrain(device, parsed, loaded, { colour });
  },
} satisfies JobHandler<JobResult<"pretrain">>;

/** The images of a data set that a training looks at. */
function trainedOn({ leave_out, include_test }: PretrainSpec, all: ImageRow[]): ImageRow[] {
  const marked = include_test ? [] : all.filter(({ split }) => split === "test");
  if (!leave_out) return all.filter((image) => !marked.includes(image));
  return withoutPatientsOf(withoutTest(all, leave_out), marked);
}

/** Says what was not looked at, or that nothing was left aside to be tested on. */
function tellLeftOut(
  context: JobContext,
  { leave_out }: PretrainSpec,
  { all, rows }: { all: ImageRow[]; rows: ImageRow[] },
): void {
  const left = all.length - rows.length;
  if (leave_out) {
    const message =
      `${left} of ${all.length} images are left out: a fine-tuning with this split tests on ` +
      "them, or on their patients";
    context.event("log", { message, images: rows.length, left_out: left });
  } else if (rows.some(isLabelled)) {
    const message =
      `all ${rows.length} images are looked at: a fine-tuning on this data set will test on ` +
      "some of them, and its evaluation will say so; `leave_out` keeps its test part aside";
    context.event("warning", { message, images: rows.length, left_out: left });
  }
}

/** Says where the pairs are not what the arm is called; the same for the lineage. */
async function pairWarnings(
  context: JobContext,
  spec: PretrainSpec,
  { dataset, rows, positives, features }: {
    dataset: DatasetRow;
    rows: ImageRow[];
    positives: Positives;
    features: FeatureSource;
  },
): Promise<string[]> {
  const arm = arms[spec.arm];
  if (!arm.needs) return [];
  const of = arm.control?.of as ArmName | undefined;
  const unshuffled = of &&
    await jobPositives(context.store, dataset, rows, { ...spec, arm: of }, features);
  const warnings = armWarnings(spec.arm, positives, rows, unshuffled);
  if (arm.needs === "features" && spec.init === "scratch") {
    warnings.push(
      `arm "${spec.arm}" compares pictures by a random network: there is no model that training starts from`,
    );
  }
  for (const message of warnings) context.event("warning", { message, arm: spec.arm });
  return warnings;
}

/** A gauge that is no number is kept as none; that it is one is said. */
function tellWrong(context: JobContext, gauges: Record<string, number>, epoch: number): void {
  const wrong = Object.keys(gauges).filter((name) => !Number.isFinite(gauges[name]));
  if (wrong.length === 0) return;
  context.event("warning", {
    message: `after epoch ${epoch} of the embeddings ${wrong.join(", ")} is not finite`,
    epoch,
  });
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

/** A batch of as many images as there are, when there are fewer than were asked for. */
function batchOf(context: JobContext, images: number, wanted: number): number {
  if (images < 2) {
    throw new InvalidInput(`Cannot pre-train on ${images} images: at least 2 are needed`);
  }
  if (images >= wanted) return wanted;
  context.event("warning", { message: `a batch of ${images}: there are no more images` });
  return images;
}
