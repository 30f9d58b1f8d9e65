/** A model on the GPU, ready to look at pictures. */
import type { Gpu } from "@/gpu/device.ts";
import { type ImageSlots, imageSlots } from "@/gpu/images.ts";
import { ParameterStore } from "@/gpu/parameters.ts";
import { Tape } from "@/gpu/tape.ts";
import { sizeOf } from "@/lib/images/image_size.ts";
import type { WeightTensor } from "@/lib/models/pth.ts";
import { readSafetensors } from "@/lib/models/safetensors.ts";
import { backboneSpec } from "@/lib/models/specs.ts";
import { loadWeights } from "@/lib/models/weights.ts";
import type { ModelRow, Store } from "@/lib/store/mod.ts";
import { ActivationReader, type Activations, layersOf, type Tap } from "./activations.ts";

/** Sizes of programs: the smallest that holds a batch is used, and made when it is first needed. */
const BATCHES = [1, 8, 16, 64];
export const MOST_IMAGES = 64;

interface BatchProgram {
  slots: ImageSlots;
  reader: ActivationReader;
  /** What the slots hold for the next run. */
  waiting: Uint16Array[];
}

/** What a picture gave that was looked at for its tokens. */
interface Looked {
  /** Cells: h, w. */
  grid: [number, number];
  activations: Activations;
}

export class LoadedModel {
  private readonly programs = new Map<number | "attention" | "explaining", BatchProgram>();

  private constructor(
    readonly gpu: Gpu,
    readonly row: ModelRow,
    readonly weights: ParameterStore,
    /** Weights of the classifier, [K, F], kept here too: maps need its rows. */
    private readonly head?: WeightTensor,
  ) {}

  /**
   * Loads the weights of a model.
   * @throws {InvalidInput} when its weights do not fit it
   */
  static async load(gpu: Gpu, files: Store["files"], row: ModelRow): Promise<LoadedModel> {
    const { tensors } = readSafetensors(await files.read(row.file, `model "${row.id}"`));
    const weights = new ParameterStore(gpu, { trainable: () => false });
    declare(weights, row);
    loadWeights(weights, tensors);
    return new LoadedModel(
      gpu,
      row,
      weights,
      tensors.get(`${backboneSpec(row.spec.backbone).head}.weight`),
    );
  }

  /** Values of one picture: H * W * C. */
  get length(): number {
    const { height, width } = sizeOf(this.row.spec.image_size);
    return height * width * this.row.spec.channels;
  }

  /**
   * What at most 64 pictures `[H, W, C]`, 16-bit unorm, give at these taps. Maps are large: only one
   * picture at a time has one.
   */
  async read(pictures: Uint16Array[], taps: Tap[]): Promise<Activations[]> {
    const program = this.programFor(BATCHES.find((size) => size >= pictures.length)!);
    program.waiting = pictures;
    return await program.reader.read(pictures.map((_, i) => i), taps);
  }

  /** What one picture gives at these taps of a class token's attention, and at `logits` where there are classes. */
  async readAttention(picture: Uint16Array, taps: Tap[]): Promise<Looked> {
    const program = this.programFor("attention");
    program.waiting = [picture];
    const [activations] = await program.reader.read([0], taps);
    return { grid: program.reader.grid!, activations };
  }

  /**
   * Tokens, gradient and logits of one picture.
   * @param index the class that the gradient is of; null: the most probable
   */
  async explain(
    picture: Uint16Array,
    index: number | null,
  ): Promise<Looked & { index: number }> {
    const program = this.programFor("explaining");
    const { reader } = program;
    program.waiting = [picture];
    if (index === null) {
      reader.choose(0);
      const [{ logits }] = await reader.read([0], ["logits"]);
      index = logits!.indexOf(Math.max(...logits!));
      program.waiting = [picture];
    }
    reader.choose(index);
    const [activations] = await reader.read([0], ["entering", "gradient", "logits"]);
    return { grid: reader.grid!, index, activations };
  }

  /** [h, w, F] of the last map. */
  get mapShape(): number[] {
    return this.programFor(1).reader.shapeOf("map");
  }

  /** The row of a class in the classifier's weights: [F]. */
  classRow(index: number): Float32Array {
    const { shape: [, F], data } = this.head!;
    return data.subarray(index * F, (index + 1) * F);
  }

  /** @param kind images at a time; what only maps need has programs of its own, which predictions do not wait for */
  private programFor(kind: number | "attention" | "explaining"): BatchProgram {
    let program = this.programs.get(kind);
    if (!program) {
      const { image_size, channels } = this.row.spec;
      const batch = typeof kind === "number" ? kind : 1;
      const slots = imageSlots(this.gpu, { ...sizeOf(image_size), channels, count: batch });
      const source = { ...slots, place: () => program!.slots.put(program!.waiting) };
      const taps = tapsOf(kind);
      const reader = new ActivationReader(this.gpu, this.weights, this.row.spec, source, {
        batch,
        taps,
      });
      program = { slots, reader, waiting: [] };
      this.programs.set(kind, program);
    }
    return program;
  }

  destroy(): void {
    for (const { reader, slots } of this.programs.values()) {
      reader.destroy();
      slots.destroy();
    }
    this.weights.destroy();
  }
}

function tapsOf(kind: number | "attention" | "explaining"): Tap[] {
  if (kind === "attention") return ["attention", "rollout", "logits"];
  if (kind === "explaining") return ["entering", "gradient", "logits"];
  return kind === 1 ? ["map", "features", "logits"] : ["features", "logits"];
}

/** Lays out the parameters of a model. */
function declare(weights: ParameterStore, { spec }: ModelRow): void {
  const tape = new Tape(weights, { training: false });
  const { height, width } = sizeOf(spec.image_size);
  layersOf(tape, tape.input("views", [1, height, width, 4]), spec);
}
