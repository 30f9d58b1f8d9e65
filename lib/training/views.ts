/** The views of a batch: drawn here, made on the GPU. */
import { type Augment, augment, type AugmentOptions, type View } from "@/gpu/augment.ts";
import type { Gpu } from "@/gpu/device.ts";
import type { Images } from "@/gpu/images.ts";
import { type Augmentation } from "@/lib/specs/augmentation.ts";
import { drawView } from "./draw_view.ts";
import type { GazeMass } from "./gaze_mass.ts";

export interface ViewsOptions extends Omit<AugmentOptions, "batch" | "blur" | "output"> {
  /** Images in a batch: N. */
  images: number;
  augmentation: Augmentation;
  seed: number;
  /** Mean grey value of every image, 0 to 1. */
  means: ArrayLike<number>;
  /** Where readers looked on every image, for crops that keep it. */
  gaze?: (GazeMass | undefined)[];
}

/** Where views go: [views N, P, Q, 4], the first of them for all images, then the next. */
export interface ViewsOutput {
  output: AugmentOptions["output"];
  /** Numbers of views, 0 or 1. */
  views: number[];
}

/** Fills inputs of a program with views of a batch. */
export class Views {
  readonly #passes: { passes: Augment; views: number[] }[];

  constructor(
    gpu: Gpu,
    readonly source: Images,
    outputs: ViewsOutput[],
    readonly options: ViewsOptions,
  ) {
    const { images, augmentation } = options;
    const blur = augmentation.blur !== null;
    this.#passes = outputs.map(({ output, views }) => {
      const passes = augment(gpu, source, {
        ...options,
        output,
        batch: images * views.length,
        blur,
      });
      return { passes, views };
    });
  }

  /** To be run before a program's own launches. */
  get launches(): Augment["launches"] {
    return this.#passes.flatMap(({ passes }) => passes.launches);
  }

  /** Sets what the next run shows: the images of `batch` as drawn for `epoch`. Gives the views, output by output. */
  write(batch: ArrayLike<number>, epoch: number): View[] {
    const { augmentation, seed, means, gaze, size } = this.options;
    const placed = this.source.place(batch);
    return this.#passes.flatMap(({ passes, views }) => {
      const drawn = views.flatMap((view) =>
        Array.from(batch, (image, i) => ({
          ...drawView(augmentation, { seed, epoch, image, view }, {
            size,
            mean: means[image],
            gaze: gaze?.[image],
          }),
          image: placed[i],
        }))
      );
      passes.write(drawn);
      return drawn;
    });
  }

  destroy(): void {
    for (const { passes } of this.#passes) passes.destroy();
  }
}
