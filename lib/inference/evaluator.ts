/** A classifier's evaluation program over weights in a store: images in, probabilities out. */
import type { Gpu } from "@/gpu/device.ts";
import type { Images } from "@/gpu/images.ts";
import type { ParameterStore } from "@/gpu/parameters.ts";
import type { Tape } from "@/gpu/tape.ts";
import type { Tensor } from "@/gpu/tensor.ts";
import type { ModelSpec } from "@/lib/store/mod.ts";
import { ActivationReader, layersOf } from "./activations.ts";

/** Appends a classifier under its backbone's names: `[N, H, W, 4] -> [N, K]`. */
export function classify(
  tape: Tape,
  x: Tensor,
  spec: Pick<ModelSpec, "backbone" | "width" | "channels" | "classes">,
  options: { training?: boolean } = {},
): Tensor {
  return layersOf(tape, x, spec, options).logits!;
}

export class Evaluator {
  private readonly reader: ActivationReader;

  /**
   * @param source where the images are; their size is what `spec.image_size` says
   * @param batch images a run takes
   */
  constructor(
    gpu: Gpu,
    store: ParameterStore,
    readonly spec: ModelSpec,
    source: Images,
    batch: number,
  ) {
    this.reader = new ActivationReader(gpu, store, spec, source, { batch, taps: ["logits"] });
  }

  /**
   * Probabilities of up to `batch` images, with one read-back: [images][K]; undefined for an image whose
   * logits are not all finite.
   */
  async probabilities(images: ArrayLike<number>): Promise<(number[] | undefined)[]> {
    const activations = await this.reader.read(images, ["logits"]);
    return activations.map(({ logits }) =>
      allFinite(logits!) ? probabilitiesOf(this.spec, logits!) : undefined
    );
  }

  destroy(): void {
    this.reader.destroy();
  }
}

/** Of a classifier's logits: a softmax, or of a multi-label one a sigmoid of each. */
export function probabilitiesOf(
  { multi_label = false }: { multi_label?: boolean },
  logits: ArrayLike<number>,
): number[] {
  return multi_label ? Array.from(logits, sigmoid) : softmax(logits);
}

/** 1 / (1 + exp(-x)) */
export function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** Whether every number is finite. */
export function allFinite(values: Float32Array): boolean {
  return values.every(Number.isFinite);
}

/**
 * exp(x_i) / sum_j exp(x_j); adds up to 1.
 * @throws {RangeError} when a logit is not finite: there is no such distribution
 */
export function softmax(logits: ArrayLike<number>): number[] {
  const wrong = Array.from(logits).find((value) => !Number.isFinite(value));
  if (wrong !== undefined) throw new RangeError(`Cannot take the softmax of ${wrong}`);
  const largest = Math.max(...Array.from(logits));
  const powers = Array.from(logits, (value) => Math.exp(value - largest));
  const sum = powers.reduce((total, value) => total + value, 0);
  return powers.map((value) => value / sum);
}
