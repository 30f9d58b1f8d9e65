/** Runs a `pretrain` job: contrastive pre-training of a backbone, kept as a model. */
import { copyToTarget } from "@/gpu/optim/moving_average.ts";
import { InvalidInput } from "@/lib/errors.ts";
import { arms } from "@/lib/gaze/arms/mod.ts";
import { partnersOf } from "@/lib/gaze/positives.ts";
import type { JobContext } from "@/lib/specs/job_context.ts";
import type { JobResult } from "@/lib/specs/mod.ts";
import type { JobHandler } from "./handler.ts";
import { type NetworkSpec, resolveNetwork } from "@/lib/specs/network.ts";
import { parsePretrain, pretrain as kind, type PretrainSpec } from "@/lib/specs/pretrain.ts";
import { initialize } from "@/lib/models/initial.ts";
import { loadWeights, saveWeights } from "@/lib/models/weights.ts";
import { encoder } from "@/lib/ssl/encoder.ts";
import { methodSpec } from "@/lib/ssl/specs.ts";
import type { ModelSpec } from "@/lib/store/mod.ts";
import { Checkpoints } from "@/lib/training/checkpoint.ts";
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
import { jobPositives } from "@/lib/training/job_pairs.ts";
import {
  runTrainingLoop,
  stepsOf,
  type TrainingLoopOptions,
} from "@/lib/training/training_loop.ts";
import { packed } from "@/lib/training/positive_sampler.ts";
import { withoutTest } from "@/lib/training/job_split.ts";
import { Pretrainer, pretrainTape } from "@/lib/training/pretrainer.ts";
import { publish, publishedBy } from "@/lib/training/publish.ts";
import { selectVariants } from "@/lib/training/tuning.ts";

export const pretrain = {
  async run(context: JobContext) {
    const { store, job, gpu } = context;
    const published = publishedBy(context);
    if (published) return { model: published.id };
    const spec = resolveNetwork(parsePretrain(job.spec), store) as PretrainSpec & NetworkSpec;
    const dataset = jobDataset(context);
    const all = store.images.all(dataset.id);
    const rows = (spec.leave_out ? withoutTest(all, spec.leave_out) : all)
      .filter(({ split }) => spec.include_test || split !== "test");
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
    const positives = await jobPositives(store, dataset, rows, spec);
    context.event("log", {
      message: `${positives.pairs} positive pairs among ${rows.length} images`,
      arm: spec.arm,
      pairs: positives.pairs,
      cut: positives.cut,
    });
    if (arms[spec.arm].ownKeys && !methodSpec(spec.method).ownKeys) {
      const message =
        `arm "${spec.arm}" is "none" for ${spec.method}: a batch holds each image once`;
      context.event("log", { message });
    }
    const start = await initialModel(store, spec.init);
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
      const checkpoints = new Checkpoints(
        context.checkpoints,
        (message) => context.event("warning", { message }),
      );
      const { steps, skipped, loss } = await runTrainingLoop(context, trainee, {
        ...loopOptions,
        reportEvery: spec.report_every,
        ...(spec.pack > 0 && { arrange }),
        checkpoints,
        identity: identity(context),
        onReport: collapseAlarm(context, trainee.dimensions),
        async afterEpoch(epoch) {
          context.metric((epoch + 1) * perEpoch, epoch, await trainee.gauges());
          return false;
        },
      });
      const { backbone, width, channels, image_size } = spec;
      const model = await publish(context, {
        weights: await saveWeights(trainee.store, { prefix: "backbone." }),
        kind: "pretrained",
        name: spec.name,
        spec: { backbone, width, channels, image_size, classes: [], normalization } as ModelSpec,
        dataset,
        lineage: {
          ...identity<"pretrain">(context),
          init: spec.init,
          positives: { pairs: positives.pairs, cut: positives.cut },
          ...{ steps, skipped, loss, choices: selected },
        },
      });
      checkpoints.clear();
      return { model: model.id };
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

/** A batch of as many images as there are, when there are fewer than were asked for. */
function batchOf(context: JobContext, images: number, wanted: number): number {
  if (images < 2) {
    throw new InvalidInput(`Cannot pre-train on ${images} images: at least 2 are needed`);
  }
  if (images >= wanted) return wanted;
  context.event("warning", { message: `a batch of ${images}: there are no more images` });
  return images;
}
