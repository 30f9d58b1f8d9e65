/**
 * The linear probe: L2 logistic regression on the features of a frozen backbone, standardised over the images that are
 * trained on. The standardisation is folded into the classifier's weights, so that what comes out is a model like any other.
 */
import { softmax } from "@/lib/inference/evaluator.ts";
import { sizeOf } from "@/lib/images/image_size.ts";
import { backboneSpec } from "@/lib/models/specs.ts";
import type { JobContext } from "@/lib/specs/job_context.ts";
import type { Scores } from "@/lib/evaluation/scores.ts";
import type { Split } from "@/lib/datasets/splits.ts";
import type { ModelSpec } from "@/lib/store/mod.ts";
import type { Checkpoint, State } from "./checkpoint.ts";
import { classWeights } from "./finetuner.ts";
import { type FoldOptions, SCORES } from "./fold.ts";
import { frozenFeatures } from "./frozen_features.ts";
import { loadImages, normalizationOf } from "./image_set.ts";
import { loading } from "./job_inputs.ts";
import { logisticRegression, standardisation, standardised } from "./logistic_regression.ts";
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
    const model = { backbone, width, channels, image_size, normalization, classes };
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
    const { context, shared: { spec, labelled: { labels, classes, rows } } } = this;
    const { model, weights, features } = await (this.known ??= this.read());
    const of = (places: number[]) => places.map((i) => features.get(i)!);
    const own = split.train.map((i) => labels[i]);
    const scale = standardisation(of(split.train));
    const perClass = classWeights(own, classes.length, spec.class_weights);
    const fit = await logisticRegression(
      standardised(of(split.train), scale),
      own,
      classes.length,
      {
        c: spec.c,
        weights: own.map((label) => perClass[label]),
        between: () => context.yield(),
      },
    );
    const F = scale.mean.length;
    const w = fit.weights.map((row) => row.map((value, f) => value / scale.std[f]));
    const head = {
      weight: Float32Array.from(w.flatMap((row) => Array.from(row))),
      bias: Float32Array.from(
        w,
        (row, k) => row.reduce((sum, value, f) => sum - value * scale.mean[f], fit.bias[k]),
      ),
    };
    const scored = (places: number[]): Scores => ({
      classes,
      images: places.map((i) => rows[i].name),
      labels: places.map((i) => labels[i]),
      probabilities: of(places).map((x) =>
        softmax(classes.map((_, k) => {
          let sum = head.bias[k];
          for (let f = 0; f < F; f++) sum += head.weight[k * F + f] * x[f];
          return sum;
        }))
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
