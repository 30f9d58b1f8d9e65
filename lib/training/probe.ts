/**
 * The linear probe: L2 logistic regression on the features of a frozen backbone, standardised over the images that are
 * trained on. The standardisation is folded into the classifier's weights, so that what comes out is a model like any other.
 */
import { probabilitiesOf } from "@/lib/inference/evaluator.ts";
import { truthOf } from "@/lib/datasets/labelled.ts";
import { sizeOf } from "@/lib/images/image_size.ts";
import { backboneSpec } from "@/lib/models/specs.ts";
import type { JobContext } from "@/lib/specs/job_context.ts";
import type { AnyScores, Truth } from "@/lib/evaluation/scores.ts";
import type { Split } from "@/lib/datasets/splits.ts";
import type { ModelSpec } from "@/lib/store/mod.ts";
import type { Checkpoint, State } from "./checkpoint.ts";
import { classWeights, positiveWeights } from "./finetuner.ts";
import { type FoldOptions, SCORES } from "./fold.ts";
import { frozenFeatures } from "./frozen_features.ts";
import { loadImages, normalizationOf } from "./image_set.ts";
import { loading } from "./job_inputs.ts";
import {
  type LogisticFit,
  type LogisticOptions,
  logisticRegression,
  standardisation,
  standardised,
} from "./logistic_regression.ts";
import { validate } from "./model_selection.ts";

type Shared = Pick<FoldOptions, "spec" | "labelled" | "start">;

/** Probes of one split, which share its features. */
export class Probe {
  private known?: Promise<{
    model: ModelSpec;
    /** By place among the labelled images. */
    features: Map<number, Float32Array<ArrayBuffer>>;
    weights: State;
  }>;

  /** @param split whole: its training images give the data set's own normalization */
  constructor(
    private readonly context: JobContext,
    private readonly shared: Shared,
    private readonly split: Split,
  ) {}

  private async read() {
    const { context, shared: { spec, labelled: { rows, classes }, start }, split } = this;
    const load = (places: number[]) =>
      loadImages(context.store, places.map((i) => rows[i]), {
        ...{ size: sizeOf(spec.image_size), channels: spec.channels },
        onProgress: loading(context),
      });
    const places = [...split.train, ...split.validation, ...split.test];
    const set = await load(places);
    const normalised = spec.normalization === "dataset" ? await load(split.train) : set;
    const { backbone, width, channels, image_size } = spec;
    const normalization = normalizationOf(spec, normalised, start?.row.spec);
    const model: ModelSpec = {
      ...{ backbone, width, channels, image_size, normalization, classes },
      ...("truths" in this.shared.labelled && { multi_label: true }),
    };
    const { features, weights } = await frozenFeatures(
      context.gpu,
      set,
      { model, start, seed: spec.seed },
      () => context.yield(),
    );
    return { model, weights, features: new Map(places.map((i, at) => [i, features[at]])) };
  }

  /** Fits one training part, and scores validation and test by the weights as they will be kept. */
  async train(split: Split): Promise<Checkpoint> {
    const { context, shared: { spec, labelled } } = this;
    const { classes, rows } = labelled;
    const { model, weights, features } = await (this.known ??= this.read());
    const of = (places: number[]) => places.map((i) => features.get(i)!);
    const scale = standardisation(of(split.train));
    const x = standardised(of(split.train), scale);
    const truth = truthOf(labelled, split.train);
    const options = { c: spec.c, between: () => context.yield() };
    const fit = "truths" in truth
      ? await findingRegressions(x, truth.truths, {
        ...options,
        positive: positiveWeights(truth.truths, classes, spec.pos_weight),
      })
      : await classRegression(x, truth.labels, {
        ...options,
        perClass: classWeights(truth.labels, classes.length, spec.class_weights),
      });
    const F = scale.mean.length;
    const w = fit.weights.map((row) => row.map((value, f) => value / scale.std[f]));
    const head = {
      weight: Float32Array.from(w.flatMap((row) => Array.from(row))),
      bias: Float32Array.from(
        w,
        (row, k) => row.reduce((sum, value, f) => sum - value * scale.mean[f], fit.bias[k]),
      ),
    };
    const scored = (places: number[]): AnyScores => ({
      classes,
      images: places.map((i) => rows[i].name),
      ...truthOf(labelled, places),
      probabilities: of(places).map((x) =>
        probabilitiesOf(
          model,
          classes.map((_, k) => {
            let sum = head.bias[k];
            for (let f = 0; f < F; f++) sum += head.weight[k * F + f] * x[f];
            return sum;
          }),
        )
      ),
    });
    const parts = { test: scored(split.test), validation: scored(split.validation) };
    const { head: name } = backboneSpec(spec.backbone);
    const state: State = new Map([
      ...weights,
      [`${name}.weight`, { shape: [classes.length, F], data: head.weight }],
      [`${name}.bias`, { shape: [classes.length], data: head.bias }],
    ]);
    for (const [part, { probabilities }] of Object.entries(parts)) {
      state.set(SCORES[part as keyof typeof parts], {
        shape: [probabilities.length, classes.length],
        data: Float32Array.from(probabilities.flat()),
      });
    }
    const { iterations, gradient } = fit;
    const best = { epoch: 0, validation: validate(parts.validation) };
    return { state, meta: { model, best, probe: { features: F, iterations, gradient } } };
  }
}

type Options = Pick<LogisticOptions, "c" | "between">;

/** One regression over the classes. */
function classRegression(
  x: Float64Array,
  labels: number[],
  { perClass, ...options }: Options & { perClass: number[] },
): Promise<LogisticFit> {
  const weights = labels.map((label) => perClass[label]);
  return logisticRegression(x, labels, perClass.length, { ...options, weights });
}

/**
 * A regression of each finding, over the images of which it is known; one that these know of one side only gets no
 * weights, and the share of that side as it would be with one image half on each.
 * @param x [N, F], standardised over all images that are trained on
 * @param positive weight of what is present: [K]
 */
export async function findingRegressions(
  x: Float64Array,
  truths: Truth[][],
  { positive, ...options }: Options & { positive: number[] },
): Promise<LogisticFit> {
  const F = x.length / truths.length;
  const all: LogisticFit = {
    weights: [],
    bias: new Float64Array(positive.length),
    iterations: 0,
    gradient: 0,
  };
  for (let k = 0; k < positive.length; k++) {
    const rows = truths.flatMap((row, i) => row[k] === null ? [] : [i]);
    const labels = rows.map((i) => truths[i][k]!);
    const present = labels.filter((label) => label === 1).length;
    if (present === 0 || present === rows.length) {
      all.weights.push(new Float64Array(F));
      all.bias[k] = Math.log((present + 0.5) / (rows.length - present + 0.5));
      continue;
    }
    const own = new Float64Array(rows.length * F);
    rows.forEach((i, at) => own.set(x.subarray(i * F, (i + 1) * F), at * F));
    const fit = await logisticRegression(own, labels, 2, {
      ...options,
      weights: labels.map((label) => label === 1 ? positive[k] : 1),
    });
    // The softmax of two outputs is the sigmoid of their difference.
    all.weights.push(fit.weights[1].map((value, f) => value - fit.weights[0][f]));
    all.bias[k] = fit.bias[1] - fit.bias[0];
    all.iterations = Math.max(all.iterations, fit.iterations);
    all.gradient = Math.max(all.gradient, fit.gradient);
  }
  return all;
}
