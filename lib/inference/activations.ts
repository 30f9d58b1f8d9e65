/** A network's program over weights in a store: images in, what its last layers hold out (at taps). */
import { type Augment, augment, neutralView } from "@/gpu/augment.ts";
import type { Gpu } from "@/gpu/device.ts";
import type { Images } from "@/gpu/images.ts";
import type { ParameterStore } from "@/gpu/parameters.ts";
import { compile, type Program } from "@/gpu/program.ts";
import { Tape } from "@/gpu/tape.ts";
import { elementCount, type Tensor } from "@/gpu/tensor.ts";
import { classifier } from "@/lib/models/heads.ts";
import { sizeOf } from "@/lib/images/image_size.ts";
import { backboneOf } from "@/lib/models/mod.ts";
import { backboneSpec } from "@/lib/models/specs.ts";
import type { ModelSpec } from "@/lib/store/mod.ts";

/**
 * - `map`: the last map `[h, w, F]`, where the backbone has one
 * - `features`: `[F]`, the map's mean over the image where there is a map
 * - `logits`: of a classifier `[K]`
 */
export type Tap = "map" | "features" | "logits";

/** What one image gave, by tap. */
export type Activations = Partial<Record<Tap, Float32Array<ArrayBuffer>>>;

type Network = Pick<ModelSpec, "backbone" | "width" | "channels" | "classes">;

/** Appends a network under its own names; without classes it has no logits: `[N, H, W, 4] ->`. */
export function layersOf(
  tape: Tape,
  x: Tensor,
  { backbone, width, channels, classes }: Network,
  options: { training?: boolean } = {},
): { map?: Tensor; features: Tensor; logits?: Tensor } {
  const network = backboneOf(backbone)(tape, x, { width, channels, ...options });
  if (classes.length === 0) return network;
  const { head } = backboneSpec(backbone);
  return { ...network, logits: classifier(tape, network.features, classes.length, { name: head }) };
}

export class ActivationReader {
  private readonly program: Program;
  private readonly tensors = new Map<Tap, Tensor>();
  private readonly views: Augment;

  /**
   * @param source where the images are; their size is what `spec.image_size` says
   * @param options.batch images a run takes; `options.taps` those that `read` may ask for
   */
  constructor(
    gpu: Gpu,
    store: ParameterStore,
    spec: ModelSpec,
    readonly source: Images,
    readonly options: { batch: number; taps: Tap[] },
  ) {
    const { batch, taps } = options;
    const { channels, normalization } = spec;
    const size = sizeOf(spec.image_size);
    const tape = new Tape(store, { training: false });
    const network = layersOf(tape, tape.input("views", [batch, size.height, size.width, 4]), spec);
    for (const tap of taps) {
      const tensor = network[tap];
      if (tensor) this.tensors.set(tap, tensor);
    }
    this.program = compile(tape, { outputs: [...this.tensors.values()] });
    const output = this.program.buffer("views");
    this.views = augment(gpu, source, {
      ...{ batch, size, channels, normalization, output },
      blur: false,
    });
  }

  /** What up to `batch` images give at these taps, with one read-back. */
  async read(images: ArrayLike<number>, taps: Tap[]): Promise<Activations[]> {
    const { batch } = this.options;
    const placed = this.source.place(images);
    this.views.write(
      Array.from({ length: batch }, (_, i) => ({
        ...neutralView,
        image: placed[Math.min(i, placed.length - 1)],
      })),
    );
    this.program.run({ before: this.views.launches });
    const tensors = taps.map((tap) => {
      const tensor = this.tensors.get(tap);
      if (!tensor) throw new Error(`Cannot read "${tap}": it is no output of the program`);
      return tensor;
    });
    const values = await this.program.read(...tensors);
    return Array.from(
      { length: images.length },
      (_, i) =>
        Object.fromEntries(taps.map((tap, at) => {
          const length = elementCount(tensors[at].shape) / batch;
          return [tap, values[at].subarray(i * length, (i + 1) * length)];
        })),
    );
  }

  /** Shape of a tap for one image. */
  shapeOf(tap: Tap): number[] {
    return this.tensors.get(tap)!.shape.slice(1);
  }

  destroy(): void {
    this.views.destroy();
    this.program.destroy();
  }
}
