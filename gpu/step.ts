import type { Params } from "./kernel.ts";
import type { Tensor } from "./tensor.ts";

/** One launch of a kernel over tensors (while building) or over buffers (`Step<Binding>`). */
export interface Step<B = Tensor> {
  /** WGSL text with one entry point; on a tape the storage types follow from the tensors (element_type.ts). */
  code: string;
  /** Values of the shader's overrides. */
  constants?: Record<string, number>;
  /** Every storage binding by its name in the shader. */
  bind: Record<string, B>;
  /** Every field of the shader's `struct Params`. */
  params?: Params;
  /** Workgroups in x, y, z. */
  grid: number[];
}

/**
 * When a launch runs: before the first step and after every change of the store's parameters, in every
 * step, only when the step ends with an update of the parameters (the last micro-batch of an
 * accumulation), or after both, to record metrics.
 */
export type Phase = "load" | "step" | "update" | "record";
