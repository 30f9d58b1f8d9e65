/** One training of a classifier on one split: fine-tuning, the choice of an epoch, scores of the test part. */
import type { Split } from "@/lib/datasets/splits.ts";
import type { AnyScores } from "@/lib/evaluation/scores.ts";
import type { JobContext } from "@/lib/specs/job_context.ts";
import { attentionMapOf, type FinetuneSpec } from "@/lib/specs/finetune.ts";
import type { NetworkSpec } from "@/lib/specs/network.ts";
import { type Size, sizeOf } from "@/lib/images/image_size.ts";
import { initialize } from "@/lib/models/initial.ts";
import { backboneSpec } from "@/lib/models/specs.ts";
import { loadWeights, saveWeights } from "@/lib/models/weights.ts";
import type { ModelSpec, SelectedVariants } from "@/lib/store/mod.ts";
import type { Augmentation } from "@/lib/specs/augmentation.ts";
import { type Checkpoint, Checkpoints, type State, tellingDamage } from "./checkpoint.ts";
import { isBetter, validate, type Validation } from "./model_selection.ts";
import { attentionGaze } from "./gaze_target.ts";
import { classWeights, Finetuner, positiveWeights } from "./finetuner.ts";
import { loadImages, normalizationOf, placeImages, trainingSize } from "./image_set.ts";
import { identity, type initialModel, loading } from "./job_inputs.ts";
import { type Labelled, truthOf } from "@/lib/datasets/labelled.ts";
import { type DevicePart, runTrainingLoop, stepsOf } from "./training_loop.ts";
import { bits } from "@/lib/random.ts";
import { Scorer } from "./score.ts";
import { restoreState } from "./snapshot.ts";

export interface FoldOptions {
  spec: FinetuneSpec & NetworkSpec;
  labelled: Labelled;
  split: Split;
  start: Awaited<ReturnType<typeof initialModel>>;
  /** Number of this fold or repeat, and how many there are. */
  fold: number;
  folds: number;
  /** What it is the number of. */
  counted: "fold" | "repeat";
  /** Of mode `logistic`: what trains in place of the loop. */
  probe?: { train(split: Split): Promise<Checkpoint> };
  /** Which variants of convolutions to run by. */
  selected: SelectedVariants;
}

/** A trained classifier and what it says about the test part. */
export interface FoldResult {
  /** Where it ran; empty without steps, and in a result of an earlier version. */
  devices: DevicePart[];
  weights: State;
  model: ModelSpec;
  scores: AnyScores;
  /** Of the validation part, by the weights that were kept; null in a result of an earlier version. */
  validation: AnyScores | null;
  best: Best;
  probe?: ProbeEnd;
}

/** How a regression ended. */
export interface ProbeEnd {
  /** Length of the feature vectors. */
  features: number;
  iterations: number;
  /** Largest part of the gradient, per image. */
  gradient: number;
}

/** The chosen epoch and its figures. */
export interface Best {
  epoch: number;
  validation: Validation;
}

/** Images of an evaluation batch. */
const EVALUATED = 16;
/** Names of the scores beside the weights in a result. */
export const SCORES = {
  test: "test probabilities",
  validation: "validation probabilities",
} as const;

/** Trains a fold, or goes on training it, or takes its finished result, from its own directory. */
export async function runFold(context: JobContext, options: FoldOptions): Promise<FoldResult> {
  const directory = `${context.checkpoints}/fold ${options.fold}`;
  const onDamage = tellingDamage(context);
  const checkpoints = new Checkpoints(directory, onDamage);
  const results = new Checkpoints(`${directory}/result`, onDamage);
  const known = await results.load();
  if (known) return asResult(options, known);
  const result = options.probe
    ? await options.probe.train(options.split)
    : await trainFold(context, options, checkpoints);
  await results.save(0, result);
  return asResult(options, result);
}

/** Scores as they are kept, in single precision, so that a fold taken up again tells the same. */
function asResult({ labelled, split }: FoldOptions, { state, meta }: Checkpoint): FoldResult {
  const { model, best, probe, devices = [] } = meta as unknown as
    & Pick<FoldResult, "model" | "best" | "probe">
    & Partial<Pick<FoldResult, "devices">>;
  const weights = new Map(state);
  const scores = (part: keyof typeof SCORES): AnyScores | null => {
    const kept = state.get(SCORES[part]);
    weights.delete(SCORES[part]);
    if (!kept) return null;
    const { data, shape: [, K] } = kept;
    return {
      classes: model.classes,
      images: split[part].map((i) => labelled.rows[i].name),
      ...truthOf(labelled, split[part]),
      probabilities: split[part].map((_, i) => Array.from(data.subarray(i * K, (i + 1) * K))),
    };
  };
  return {
    weights,
    model,
    best,
    probe,
    devices,
    scores: scores("test")!,
    validation: scores("validation"),
  };
}

async function trainFold(
  context: JobContext,
  options: FoldOptions,
  checkpoints: Checkpoints,
): Promise<Checkpoint> {
  const { gpu } = context;
  const { spec, labelled: { classes }, start, fold, folds, selected } = options;
  const { train, validation, test } = await loadParts(context, options);
  const batch = Math.min(spec.batch_size, train.set.rows.length);
  const { backbone, width, channels, image_size } = spec;
  const normalization = normalizationOf(spec, train.set, start?.row.spec);
  const multi = "truths" in train.truth;
  const model: ModelSpec = {
    ...{ backbone, width, channels, image_size, normalization, classes },
    ...(multi && { multi_label: true }),
  };
  const seed = fold === 0 ? spec.seed : bits(spec.seed, fold);
  const course = {
    ...{ epochs: spec.epochs, seed, images: train.set.rows.length, batch, accumulate: 1 },
    tail: "wrap" as const,
  };
  const steps = stepsOf(course);
  const attention = spec.attention
    ? attentionGaze(train.set.gaze!, spec.attention.gaze, seed)
    : undefined;
  if (attention) {
    const byClass = attentionMapOf(spec.backbone, spec.attention!) === "class";
    const told = (place: number) =>
      !byClass || !("truths" in train.truth) ||
      train.truth.truths[place].includes(1);
    const seen = attention.filter((gaze, place) => gaze && told(place)).length;
    context.event("log", {
      message:
        `attention is supervised on ${seen} of ${attention.length} training images: those with gaze${
          multi && byClass ? " and a finding" : ""
        }`,
    });
  }
  const images = placeImages(gpu, train.set, batch);
  const trainee = new Finetuner(gpu, {
    ...{ spec, model, batch, images, seed, selected },
    ...{ means: train.set.means, gaze: train.set.gaze, truth: train.truth },
    ...(attention && { attention }),
    weights: "truths" in train.truth
      ? positiveWeights(train.truth.truths, classes, spec.pos_weight)
      : classWeights(train.truth.labels, classes.length, spec.class_weights),
    perEpoch: steps / spec.epochs,
  });
  const [validator, tester] = [validation, test].map(({ set, truth }) =>
    new Scorer(
      gpu,
      trainee.store,
      model,
      set,
      truth,
      EVALUATED,
      `the model of job "${context.job.id}"`,
    )
  );
  const between = () => context.yield();
  const prefix = folds > 1 ? `${options.counted} ${fold} ` : "";

  /** Validates, keeps the weights of the best epoch, ends training when it has stopped to help. */
  async function afterEpoch(epoch: number, notes: Record<string, unknown>): Promise<boolean> {
    const figures = validate(await validator.score(between));
    const known = Object.entries(figures).flatMap(([name, value]) =>
      value === null ? [] : [[`${prefix}validation_${name}`, value]]
    );
    context.metric(
      (epoch + 1) * steps / spec.epochs,
      epoch,
      Object.fromEntries(known),
    );
    const best = notes.best as Best | undefined;
    if (best && !isBetter(figures, best.validation, spec.select)) {
      return epoch - best.epoch >= spec.early_stop;
    }
    notes.best = { epoch, validation: figures };
    const read = await trainee.snapshot();
    await checkpoints.save(epoch, { state: await read(), meta: { epoch } }, "best");
    return false;
  }

  try {
    initialize(trainee.store, spec.seed);
    if (start) {
      const { head } = backboneSpec(spec.backbone);
      loadWeights(trainee.store, start.weights, {
        optional: (name) => name.startsWith(`${head}.`),
      });
    }
    const { notes, devices } = await runTrainingLoop(context, trainee, {
      ...course,
      ...{ checkpoints, prefix, afterEpoch },
      reportEvery: spec.report_every,
      identity: { ...identity(context), fold },
      offset: { done: fold * steps, total: folds * steps },
    });
    const best = notes.best as Best;
    const chosen = await checkpoints.load("best");
    if (chosen?.step !== best.epoch) {
      throw new Error(`Cannot take the best epoch, ${best.epoch}: its checkpoint is damaged`);
    }
    restoreState(trainee.store, chosen.state);
    const state: State = await saveWeights(trainee.store);
    for (const [part, scorer] of [["test", tester], ["validation", validator]] as const) {
      const { probabilities } = await scorer.score(between);
      state.set(SCORES[part], {
        shape: [probabilities.length, classes.length],
        data: Float32Array.from(probabilities.flat()),
      });
    }
    return { state, meta: { model, best, devices } };
  } finally {
    validator.destroy();
    tester.destroy();
    trainee.destroy();
    images.destroy();
  }
}

/** The pictures of the three parts, with their classes. */
async function loadParts(context: JobContext, { spec, labelled, split }: FoldOptions) {
  const part = async (
    indices: number[],
    size: Size,
    { augmentation, gaze }: { augmentation?: Augmentation; gaze?: boolean } = {},
  ) => ({
    set: await loadImages(context.store, indices.map((i) => labelled.rows[i]), {
      ...{ size, channels: spec.channels, augmentation, gaze },
      onProgress: loading(context),
    }),
    truth: truthOf(labelled, indices),
  });
  return {
    train: await part(
      split.train,
      trainingSize(spec.image_size, spec.augmentation.crop !== null),
      { augmentation: spec.augmentation, gaze: spec.attention !== null },
    ),
    validation: await part(split.validation, sizeOf(spec.image_size)),
    test: await part(split.test, sizeOf(spec.image_size)),
  };
}
