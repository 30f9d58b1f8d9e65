/** A model on the GPU, ready to look at pictures. */
import type { Gpu } from "@/gpu/device.ts";
import { type ImageSlots, imageSlots } from "@/gpu/images.ts";
import { ParameterStore } from "@/gpu/parameters.ts";
import { Tape } from "@/gpu/tape.ts";
import { sizeOf } from "@/lib/images/image_size.ts";
import type { WeightTensor } from "@/lib/models/pth.ts";
import { readSafetensors } from "@/lib/models/safetensors.ts";
import { loadWeights } from "@/lib/models/weights.ts";
import type { ModelRow, Store } from "@/lib/store/mod.ts";
import { type Layer, layersOf, Observer, type Seen } from "./activations.ts";

/** Sizes of programs: the smallest that holds a batch is used, and made when it is first needed. */
const BATCHES = [1, 8, 16, 64];
export const MOST_IMAGES = 64;

interface Lane {
  slots: ImageSlots;
  observer: Observer;
  /** What the slots hold for the next run. */
  waiting: Uint16Array[];
}

export class LoadedModel {
  private readonly lanes = new Map<number, Lane>();

  private constructor(
    readonly gpu: Gpu,
    readonly row: ModelRow,
    readonly weights: ParameterStore,
    /** `fc.weight` of a classifier, [K, F], kept here too: maps need its rows. */
    private readonly head?: WeightTensor,
  ) {}

  /**
   * Loads the weights of a model.
   * @throws {InvalidInput} when its weights do not fit it
   */
  static async load(gpu: Gpu, files: Store["files"], row: ModelRow): Promise<LoadedModel> {
    const { tensors } = readSafetensors(await files.read(row.file));
    const weights = new ParameterStore(gpu, { trainable: () => false });
    declare(weights, row);
    loadWeights(weights, tensors);
    return new LoadedModel(gpu, row, weights, tensors.get("fc.weight"));
  }

  /** Values of one picture: H * W * C. */
  get length(): number {
    const { height, width } = sizeOf(this.row.spec.image_size);
    return height * width * this.row.spec.channels;
  }

  /**
   * What at most 64 pictures `[H, W, C]`, 16-bit unorm, give in these layers. Maps are large: only one
   * picture at a time has one.
   */
  async observe(pictures: Uint16Array[], layers: Layer[]): Promise<Seen[]> {
    const lane = this.lane(BATCHES.find((size) => size >= pictures.length)!);
    lane.waiting = pictures;
    return await lane.observer.observe(pictures.map((_, i) => i), layers);
  }

  /** [h, w, F] of the last convolutional map. */
  get mapShape(): number[] {
    return this.lane(1).observer.shapeOf("map");
  }

  /** The row of a class in the classifier's weights: [F]. */
  classRow(index: number): Float32Array {
    const { shape: [, F], data } = this.head!;
    return data.subarray(index * F, (index + 1) * F);
  }

  private lane(batch: number): Lane {
    let lane = this.lanes.get(batch);
    if (!lane) {
      const { image_size, channels } = this.row.spec;
      const slots = imageSlots(this.gpu, { ...sizeOf(image_size), channels, count: batch });
      const source = { ...slots, place: () => lane!.slots.put(lane!.waiting) };
      const layers: Layer[] = batch === 1 ? ["map", "features", "logits"] : ["features", "logits"];
      const observer = new Observer(this.gpu, this.weights, this.row.spec, source, {
        batch,
        layers,
      });
      lane = { slots, observer, waiting: [] };
      this.lanes.set(batch, lane);
    }
    return lane;
  }

  destroy(): void {
    for (const { observer, slots } of this.lanes.values()) {
      observer.destroy();
      slots.destroy();
    }
    this.weights.destroy();
  }
}

/** Lays out the parameters of a model. */
function declare(weights: ParameterStore, { spec }: ModelRow): void {
  const tape = new Tape(weights, { training: false });
  const { height, width } = sizeOf(spec.image_size);
  layersOf(tape, tape.input("views", [1, height, width, 4]), spec);
}
