/**
 * What a network has learnt, in a few flat buffers that programs share: `values` (trainable), `gradients`
 * and the optimiser's moments in the same order, `frozen` (not trainable: an EMA target, a probed
 * backbone), `statistics` (running means and variances, queues).
 */
import {
  copyBuffers,
  createBuffer,
  type DeviceBuffer,
  readBuffers,
  writeBuffer,
} from "./buffer.ts";
import type { Gpu } from "./device.ts";
import { fromTorch, type Layout, torchShape, toTorch } from "./weight_layout.ts";
import { elementCount, type Shape } from "./tensor.ts";

/** How a parameter starts; drawn by `lib/models/initial.ts`. */
export type Initial =
  | { kind: "constant"; value: number }
  | { kind: "normal"; std: number }
  | { kind: "uniform"; bound: number };

export interface EntryOptions {
  /** Default "plain". */
  layout?: Layout;
  /** Real input channels of a "conv" weight whose C is padded; default C. */
  channels?: number;
  initial: Initial;
  /** Running statistics, queues: changed by the step itself, without a gradient. */
  statistic?: boolean;
  /** Part of saved weights, under this name (default true); a queue is not. */
  exported?: boolean;
  /** Rows and columns of the grid that a parameter `[1, 1 + rows columns, C]` holds positions of. */
  grid?: readonly [number, number];
}

export interface Entry extends Required<Omit<EntryOptions, "statistic" | "grid">> {
  name: string;
  grid?: EntryOptions["grid"];
  /** As the engine keeps it. */
  shape: Shape;
  section: "values" | "frozen" | "statistics";
  /** First element in its section; a multiple of `ALIGN`. */
  offset: number;
  length: number;
  /** Position among its section's entries. */
  index: number;
}

/** Dense values in PyTorch's layout. */
export interface Weight {
  shape: number[];
  data: Float32Array<ArrayBuffer>;
}

/** Elements between possible starts of entries: 256 bytes, what a binding's offset needs. */
export const ALIGN = 64;

/** Sections as long as `values`. */
const PARALLEL = ["gradients", "momentum", "first_moment", "second_moment"] as const;
/** Sections that programs for evaluation make from others, as long as these. */
const FOLDED = { folded_values: "values", folded_frozen: "frozen" } as const;
export type Section = Entry["section"] | typeof PARALLEL[number] | keyof typeof FOLDED;

export class ParameterStore {
  readonly entries = new Map<string, Entry>();
  private readonly lengths = { values: 0, frozen: 0, statistics: 0 };
  private readonly counts = { values: 0, frozen: 0, statistics: 0 };
  private readonly buffers = new Map<Section, DeviceBuffer>();
  private readonly trainable: (name: string) => boolean;
  private sealed = false;
  private changes = 0;

  /** @param options.trainable which parameters learn; default: all but those named `target.` */
  constructor(readonly gpu: Gpu, options: { trainable?: (name: string) => boolean } = {}) {
    this.trainable = options.trainable ?? ((name) => !name.startsWith("target."));
  }

  /**
   * Adds a parameter or a statistic, or finds the one of that name.
   * @throws {Error} when the name has another shape, or is new although memory is laid out already
   */
  declare(name: string, shape: Shape, options: EntryOptions): Entry {
    const known = this.entries.get(name);
    if (known) {
      if (known.shape.join() === shape.join()) return known;
      throw new Error(`Cannot declare "${name}" as [${shape}]: it is [${known.shape}] already`);
    }
    if (this.sealed) {
      throw new Error(`Cannot declare "${name}": the parameters are laid out already`);
    }
    const { layout = "plain", channels = shape.at(-2) ?? 1, exported = true, initial, grid } =
      options;
    const section = options.statistic ? "statistics" : this.trainable(name) ? "values" : "frozen";
    const length = elementCount(shape);
    const entry: Entry = {
      name,
      shape,
      layout,
      channels,
      exported,
      initial,
      ...(grid && { grid }),
      section,
      offset: this.lengths[section],
      length,
      index: this.counts[section]++,
    };
    this.lengths[section] += Math.ceil(length / ALIGN) * ALIGN;
    this.entries.set(name, entry);
    return entry;
  }

  /** Entries of one section in the order of their offsets. */
  in(section: Entry["section"]): Entry[] {
    return [...this.entries.values()].filter((entry) => entry.section === section);
  }

  /** Counts changes of parameters and statistics: what was folded at another count is out of date. */
  get version(): number {
    return this.changes;
  }

  /** To be called when something else than the store itself has changed parameters or statistics. */
  changed(): void {
    this.changes++;
  }

  /** Elements of a section, padding included. From here on nothing can be declared. */
  lengthOf(section: Section): number {
    this.sealed = true;
    if (section in FOLDED) return this.lengths[FOLDED[section as keyof typeof FOLDED]];
    return this.lengths[section in this.lengths ? section as Entry["section"] : "values"];
  }

  /** The flat buffer of a section, zeroed when first asked for. */
  buffer(section: Section): DeviceBuffer {
    let buffer = this.buffers.get(section);
    if (!buffer) {
      buffer = createBuffer(this.gpu, this.lengthOf(section) * 4, section);
      this.buffers.set(section, buffer);
    }
    return buffer;
  }

  /** Bytes allocated, by section. */
  get bytes(): Record<string, number> {
    return Object.fromEntries([...this.buffers].map(([name, buffer]) => [name, buffer.size]));
  }

  /**
   * Sets entries from PyTorch's layout; entries that `weights` does not name stay as they are.
   * @throws {Error} when a name is unknown or a shape differs; nothing is written then
   */
  load(weights: Map<string, Weight>): void {
    const writes = [...weights].map(([name, { shape, data }]) => {
      const entry = this.entries.get(name);
      if (!entry) throw new Error(`Cannot load weights: there is no parameter "${name}"`);
      const expected = torchShape(entry);
      if (expected.join() !== shape.join() || data.length !== elementCount(expected)) {
        throw new Error(
          `Cannot load weights: "${name}" of shape [${expected.join(", ")}] expected, got [${
            shape.join(", ")
          }]`,
        );
      }
      return { entry, data: fromTorch(entry, data) };
    });
    this.changed();
    for (const { entry, data } of writes) {
      writeBuffer(this.gpu, this.buffer(entry.section), data, entry.offset * 4);
    }
  }

  /**
   * Reads entries in PyTorch's layout, all with one mapped read per section.
   * @param section `gradients` or a moment reads those of the trainable entries instead
   */
  async read(
    wanted: (entry: Entry) => boolean = (entry) => entry.exported,
    section?: typeof PARALLEL[number],
  ): Promise<Map<string, Weight>> {
    const entries = [...this.entries.values()].filter((entry) =>
      wanted(entry) && (!section || entry.section === "values")
    );
    const bytes = await readBuffers(
      this.gpu,
      entries.map((entry) => ({
        buffer: this.buffer(section ?? entry.section),
        offset: entry.offset * 4,
        bytes: entry.length * 4,
      })),
    );
    return new Map(entries.map((entry, i) => [entry.name, {
      shape: torchShape(entry),
      data: toTorch(entry, new Float32Array(bytes[i])),
    }]));
  }

  /** Every flat buffer but gradients and what is made from others, bit for bit, to go on from later. */
  async snapshot(): Promise<Map<string, Float32Array<ArrayBuffer>>> {
    const read = await this.copy();
    return await read();
  }

  /** The same as it is at the call; the GPU goes on while the copy comes to the host. See `copyBuffers`. */
  async copy(): Promise<() => Promise<Map<string, Float32Array<ArrayBuffer>>>> {
    const kept = [...this.buffers].filter(([name]) =>
      name !== "gradients" && !(name in FOLDED) && this.lengthOf(name) > 0
    );
    const read = await copyBuffers(
      this.gpu,
      kept.map(([name, buffer]) => ({ buffer, bytes: this.lengthOf(name) * 4 })),
    );
    return async () => {
      const bytes = await read();
      return new Map(kept.map(([name], i) => [name, new Float32Array(bytes[i])]));
    };
  }

  /** @throws {Error} when a section has another length */
  restore(snapshot: Map<string, Float32Array<ArrayBuffer>>): void {
    for (const [name, data] of snapshot) {
      const length = this.lengthOf(name as Section);
      if (data.length !== length) {
        throw new Error(
          `Cannot restore parameters: ${length} numbers expected in "${name}", got ${data.length}`,
        );
      }
    }
    this.changed();
    for (const [name, data] of snapshot) {
      writeBuffer(this.gpu, this.buffer(name as Section), data);
    }
  }

  destroy(): void {
    for (const buffer of this.buffers.values()) buffer.destroy();
    this.buffers.clear();
  }
}
