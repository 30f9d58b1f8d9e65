/** What all optimisers share: tables over the flat buffers, norms, clipping, the non-finite guard. */
import controlCode from "@/kernels/optimizer_control.wgsl" with { type: "text" };
import normsCode from "@/kernels/optimizer_norms.wgsl" with { type: "text" };
import sumsCode from "@/kernels/optimizer_sums.wgsl" with { type: "text" };
import { ALIGN, type Entry, type ParameterStore, type Section } from "../parameters.ts";
import type { Tape } from "../tape.ts";
import type { Tensor } from "../tensor.ts";
import { type LossScale, unscaled, updateScale } from "./loss_scale.ts";

export interface OptimizerOptions {
  /** An update does nothing when this, or a gradient, is not finite. */
  loss: Tensor;
  /** Which parameters decay; each optimiser has its default. */
  decays?: (entry: Entry) => boolean;
  /** Parameters with a rate of their own: group name to predicate; the rate is scalar `lr.<group>`. */
  groups?: Record<string, (name: string) => boolean>;
  /** Longest gradient over all parameters; longer ones are scaled down to it. */
  clip?: number;
  /** What the loss was multiplied by before the backward steps. */
  lossScale?: LossScale;
}

/** An appended optimiser. Its scalars: `lr`, `lr.<group>`, `gradient.scale` (1 / micro-batches, starts at 1). */
export interface Optimizer {
  /**
   * `[4]`: factor of the gradients, 1 if finite else 0, length of the gradient, and with a loss scale 1 if
   * it was too large, else 0. Holds in runs that update; in others its memory serves other values.
   */
  control: Tensor;
  /** Scalars that follow from the count of updates, 1 at the first: `program.set(optimizer.scalars(t))`. */
  scalars(step: number): Record<string, number>;
}

/** One launch's part of the flat buffers. */
export interface Window {
  offset: number;
  length: number;
}

/** Everything an optimiser's kernel binds besides gradients, values and moments. */
export interface Tables {
  ranges: Tensor;
  blocks: Tensor;
  norms: Tensor;
  control: Tensor;
  windows: Window[];
}

/** Parts of a section that can be bound at once; one, unless the adapter's limit is small. */
export function windowsOf(store: ParameterStore, section: Section): Window[] {
  const whole = store.lengthOf(section);
  const most = Math.floor(store.gpu.limits.maxStorageBufferBindingSize / 4 / ALIGN) * ALIGN;
  const count = Math.ceil(whole / most);
  return Array.from({ length: count }, (_, i) => ({
    offset: i * most,
    length: Math.min(most, whole - i * most),
  }));
}

/** Four floats of an invocation, four times: what the kernels of flat buffers take per workgroup. */
export const PER_GROUP = 1024;

const CHUNK = 4096;

/**
 * Appends norms and control, to the phase that is open.
 * @param options.lengths whether the norms of the values are needed as well as those of the gradients
 */
export function prepare(
  tape: Tape,
  options: OptimizerOptions & { decays: (entry: Entry) => boolean; lengths?: boolean },
): Tables {
  const { store } = tape;
  const entries = store.in("values");
  if (!entries.length) throw new Error("Cannot append an optimiser: nothing is trainable");
  const windows = windowsOf(store, "values");
  const { chunks, spans, firsts } = chunksOf(entries, windows);
  const partial = tape.value([chunks.length / 2, 2]);
  const chunkTable = tape.constant("chunks", chunks);
  windows.forEach(({ offset, length }, k) => {
    const J = firsts[k + 1] - firsts[k];
    tape.launch({
      code: sumsCode,
      constants: { VALUES: +(options.lengths ?? false) },
      bind: {
        g: tape.section("gradients", offset, length),
        v: tape.section("values", offset, length),
        chunks: chunkTable,
        partial,
      },
      params: { J, first: firsts[k] },
      grid: tape.grid(J, 1),
    });
  });
  const R = entries.length;
  const norms = tape.value([R, 2]);
  const control = tape.value([4]);
  tape.launch({
    code: normsCode,
    bind: { partial, spans: tape.constant("spans", spans), norms },
    params: { R },
    grid: [R],
  });
  const { loss, lossScale } = options;
  const slot = tape.scalar("gradient.scale", 1);
  tape.launch({
    code: controlCode,
    constants: { CLIP: +(options.clip !== undefined) },
    bind: {
      ...{ norms, loss, control },
      scalars: lossScale ? unscaled(tape, lossScale, slot) : tape.scalars,
    },
    params: { R, slot: lossScale ? 0 : slot, clip: options.clip ?? 0 },
    grid: [1],
  });
  if (lossScale) updateScale(tape, lossScale, { loss, control });
  return {
    ranges: tape.constant("ranges", rangesOf(tape, entries, options)),
    blocks: tape.constant("blocks", blocksOf(entries, store.lengthOf("values"))),
    norms,
    control,
    windows,
  };
}

/** Per entry: the slot of its learning rate, and whether it decays. */
function rangesOf(
  tape: Tape,
  entries: Entry[],
  options: OptimizerOptions & { decays: (entry: Entry) => boolean },
): Uint32Array<ArrayBuffer> {
  const groups = Object.entries(options.groups ?? {});
  return Uint32Array.from(entries.flatMap((entry) => {
    const group = groups.find(([, has]) => has(entry.name));
    return [tape.scalar(group ? `lr.${group[0]}` : "lr"), +options.decays(entry)];
  }));
}

/** Which entry each block of 64 elements belongs to. */
function blocksOf(entries: Entry[], length: number): Uint32Array<ArrayBuffer> {
  const blocks = new Uint32Array(Math.max(1, length / ALIGN));
  for (const { offset, length, index } of entries) {
    blocks.fill(index, offset / ALIGN, Math.ceil((offset + length) / ALIGN));
  }
  return blocks;
}

/** Chunks of at most 4096 elements in vec4s relative to their window, and each entry's span of them. */
function chunksOf(entries: Entry[], windows: Window[]) {
  const chunks: number[] = [];
  const spans = new Uint32Array(entries.length * 2);
  const firsts = [0];
  windows.forEach(({ offset, length }) => {
    for (const entry of entries) {
      const end = Math.min(entry.offset + Math.ceil(entry.length / 4) * 4, offset + length);
      for (let at = Math.max(entry.offset, offset); at < end; at += CHUNK) {
        if (spans[entry.index * 2 + 1]++ === 0) spans[entry.index * 2] = chunks.length / 2;
        chunks.push((at - offset) / 4, Math.min(CHUNK, end - at) / 4);
      }
    }
    firsts.push(chunks.length / 2);
  });
  return { chunks: Uint32Array.from(chunks), spans, firsts };
}

/** Decay for everything, as PyTorch does. */
export const decayAll = (): boolean => true;

/** Decay for weights of more than one dimension only. */
export const decayMatrices = (entry: Entry): boolean => entry.shape.length > 1;
