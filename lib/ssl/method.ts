/** What a contrastive method is. It knows nothing of gaze: positives come in as weights A. */
import type { Tape } from "@/gpu/tape.ts";
import type { Tensor } from "@/gpu/tensor.ts";

/** The backbone, applied under a name: `[N, S, S, 4] -> [N, F]`. */
export interface Encoder {
  /** F. */
  features: number;
  /** Hidden width of heads that suits it, where a method leaves that open. */
  hidden: number;
  /** Of a predictor, where that is another. */
  predictorHidden?: number;
  apply(tape: Tape, x: Tensor, options: { prefix: string; groups?: number }): Tensor;
}

export interface MethodInput {
  /** Images in a batch: N. */
  images: number;
  encoder: Encoder;
  /**
   * Views of the batch as an input of the tape: `[0, 1]` gives [2N, S, S, 4], view 0 of all images first;
   * `[0]` gives [N, S, S, 4].
   */
  views(which: number[]): Tensor;
  /** Weights of pairs as an input of the tape: of the batch's images with `columns` others, [N, columns]. */
  weights(columns: number): Tensor;
}

/** A method on the tape; parameters named `target.x` are those of an average of `x`. */
export interface Built {
  /** [1] */
  loss: Tensor;
  /** What must not collapse: [*, D]. */
  output: Tensor;
  /** Embeddings of view 0 of all images, then of view 1, in one tensor or in two: [2N, D] together. */
  embeddings: Tensor[];
  /** What the backbone gives, view 0 of all images first: [N, F] or more rows. */
  features: Tensor;
  /** Momentum of the average at a step, from 0; absent without a target. */
  momentum?(step: number, steps: number): number;
  /** Keys of earlier batches; A is then [N, slots]. */
  queue?: QueueOptions;
  /** Parameters whose learning rate does not follow the schedule. */
  fixedRate?(name: string): boolean;
}

export interface QueueOptions {
  slots: number;
  /** What a key of an anchor's own image is, that still lies in the queue. */
  stale_keys: "mask" | "positive" | "negative";
}

export type Method<Config> = (tape: Tape, input: MethodInput, config: Config) => Built;
