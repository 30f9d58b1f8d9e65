/** A network's program over weights in a store: images in, what its last layers hold out (at taps). */
import { type Augment, augment, neutralView } from "@/gpu/augment.ts";
import type { Gpu } from "@/gpu/device.ts";
import type { Images } from "@/gpu/images.ts";
import { attentionRollout, classAttention } from "@/gpu/ops/class_attention.ts";
import { linear } from "@/gpu/ops/linear.ts";
import type { ParameterStore } from "@/gpu/parameters.ts";
import { compile, type Program } from "@/gpu/program.ts";
import { Tape } from "@/gpu/tape.ts";
import { elementCount, type Tensor } from "@/gpu/tensor.ts";
import type { TokenAttention } from "@/lib/models/backbone.ts";
import { classifier } from "@/lib/models/heads.ts";
import { sizeOf } from "@/lib/images/image_size.ts";
import { backboneOf } from "@/lib/models/mod.ts";
import { backboneSpec } from "@/lib/models/specs.ts";
import type { ModelSpec } from "@/lib/store/mod.ts";

/**
 * - `map`: the last map `[h, w, F]`, where the backbone has one
 * - `features`: `[F]`, the map's mean over the image where there is a map
 * - `logits`: of a classifier `[K]`
 * - `attention`: of the class token in the last block, logarithms `[heads, 1 + h w]`; where the backbone has one
 * - `rollout`: its attention through all blocks `[1 + h w]`
 * - `entering`, `gradient`: the tokens that enter the last block, and of them the gradient of a logit, each
 *   `[1 + h w, F]`; by a reader that explains
 */
export type Tap =
  | "map"
  | "features"
  | "logits"
  | "attention"
  | "rollout"
  | "entering"
  | "gradient";

/** What one image gave, by tap. */
export type Activations = Partial<Record<Tap, Float32Array<ArrayBuffer>>>;

type Network = Pick<ModelSpec, "backbone" | "width" | "channels" | "classes">;

/** Appends a network under its own names; without classes it has no logits: `[N, H, W, 4] ->`. */
export function layersOf(
  tape: Tape,
  x: Tensor,
  { backbone, width, channels, classes }: Network,
  options: { training?: boolean; watch?: boolean } = {},
): { map?: Tensor; features: Tensor; logits?: Tensor; attention?: TokenAttention } {
  const network = backboneOf(backbone)(tape, x, { width, channels, ...options });
  if (classes.length === 0) return network;
  const { head } = backboneSpec(backbone);
  return { ...network, logits: classifier(tape, network.features, classes.length, { name: head }) };
}

export class ActivationReader {
  private readonly program: Program;
  private readonly tensors = new Map<Tap, Tensor>();
  private readonly views: Augment;
  /** Cells that tokens stand for: h, w; of a network with a class token. */
  readonly grid?: [number, number];

  /**
   * @param source where the images are; their size is what `spec.image_size` says
   * @param options.batch images a run takes; `options.taps` those that `read` may ask for: with `gradient` it
   * explains, by the class that `choose` names
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
    const explains = taps.includes("gradient");
    const tape = new Tape(store, { training: explains });
    const input = tape.input("views", [batch, size.height, size.width, 4]);
    const network = layersOf(tape, input, spec, { watch: explains });
    const { attention, ...layers } = network;
    this.grid = attention?.grid;
    const made: Partial<Record<Tap, Tensor>> = {
      ...layers,
      ...attentionTaps(tape, attention, taps),
      ...(explains && gradientTaps(tape, network)),
    };
    for (const tap of taps) {
      const tensor = made[tap];
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

  /** The class whose logit `gradient` is of, from the next `read` on. */
  choose(index: number): void {
    const [, K] = this.tensors.get("logits")!.shape;
    this.program.write(CHOSEN, Float32Array.from({ length: K }, (_, k) => +(k === index)));
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

/** What of the class token's attention is asked for. */
function attentionTaps(
  tape: Tape,
  attention: TokenAttention | undefined,
  taps: Tap[],
): Partial<Record<Tap, Tensor>> {
  if (!attention) return {};
  const { blocks } = attention;
  return {
    attention: taps.includes("attention") ? classAttention(tape, blocks.at(-1)!).heads : undefined,
    rollout: taps.includes("rollout") ? attentionRollout(tape, blocks) : undefined,
  };
}

/** Input of a tape that explains: 1 for the class that is explained, `[K, 1]`. */
const CHOSEN = "chosen";

/** Appends the backward steps from the chosen logit to the tokens that enter the last block. */
function gradientTaps(
  tape: Tape,
  { logits, attention }: ReturnType<typeof layersOf>,
): Partial<Record<Tap, Tensor>> {
  if (!logits || !attention) return {};
  const [N, K] = logits.shape;
  if (N !== 1) throw new Error(`Cannot explain ${N} images in one run: one at a time`);
  tape.backward(tape.reshape(linear(tape, logits, tape.input(CHOSEN, [K, 1])), [1]));
  const { entering } = attention;
  return { entering, gradient: tape.gradient(entering) };
}
