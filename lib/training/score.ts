/** What a classifier says about pictures of a set. */
import type { Gpu } from "@/gpu/device.ts";
import type { Images } from "@/gpu/images.ts";
import type { ParameterStore } from "@/gpu/parameters.ts";
import { InvalidInput } from "@/lib/errors.ts";
import type { AnyScores, Truth } from "@/lib/evaluation/scores.ts";
import { Evaluator } from "@/lib/inference/evaluator.ts";
import type { ModelSpec } from "@/lib/store/mod.ts";
import { type ImageSet, placeImages } from "./image_set.ts";

/** Evaluates one set of images again and again, with the weights as they are. */
export class Scorer {
  private readonly images: Images;
  private readonly evaluator: Evaluator;
  private readonly batch: number;

  /**
   * @param truth class of each image of the set, or which findings it has
   * @param what messages call the model
   */
  constructor(
    gpu: Gpu,
    weights: ParameterStore,
    readonly spec: ModelSpec,
    readonly set: ImageSet,
    readonly truth: { labels: number[] } | { truths: Truth[][] },
    batch: number,
    readonly what: string,
  ) {
    this.batch = Math.min(batch, set.rows.length);
    this.images = placeImages(gpu, set, this.batch);
    this.evaluator = new Evaluator(gpu, weights, spec, this.images, this.batch);
  }

  /**
   * @param between called between batches; may throw to stop
   * @throws {InvalidInput} naming the image whose outputs are not finite
   */
  async score(between: () => Promise<void>): Promise<AnyScores> {
    const { set: { rows }, truth, spec: { classes }, batch } = this;
    const probabilities: number[][] = [];
    for (let from = 0; from < rows.length; from += batch) {
      await between();
      const part = Array.from({ length: Math.min(batch, rows.length - from) }, (_, i) => from + i);
      (await this.evaluator.probabilities(part)).forEach((row, i) => {
        if (!row) throw this.#notFinite(rows[from + i].name);
        probabilities.push(row);
      });
    }
    return { classes, images: rows.map(({ name }) => name), ...truth, probabilities };
  }

  #notFinite(image: string): InvalidInput {
    return new InvalidInput(
      `Cannot evaluate ${this.what} on "${image}": it gives numbers that are not finite; ` +
        "its weights have overflowed, or do not fit its mean and std",
    );
  }

  destroy(): void {
    this.evaluator.destroy();
    this.images.destroy();
  }
}
