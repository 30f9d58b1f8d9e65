import type { Gpu } from "../device.ts";
import type { Precision, Shape } from "../tensor.ts";
import type { Step } from "../step.ts";
import type { ConvolutionShape } from "./shape.ts";

/**
 * - `forward`: x, w (and b) -> y
 * - `backward_data`: dy, w -> dx
 * - `backward_weight`: x, dy -> dw
 */
export type Pass = "forward" | "backward_data" | "backward_weight";

/** A pass of a shape, over maps of a precision: what a variant is selected for. */
export interface ConvolutionPass {
  pass: Pass;
  shape: ConvolutionShape;
  precision: Precision;
}

/** What a pass is computed on; `B` is a tensor while building, a buffer in a benchmark. */
export interface Operands<B> {
  forward: { x: B; w: B; y: B; b?: B };
  backward_data: { dy: B; w: B; dx: B };
  backward_weight: { x: B; dy: B; dw: B };
}

/** What a forward pass may do to a value before storing it, in this order. */
export interface Epilogue<B> {
  /** Added, of the shape of y. */
  residual?: B;
  relu?: boolean;
  /** Where the statistics of the convolution's own values go; without residual and ReLU. */
  statistics?: Statistics<B>;
}

/**
 * Means of channels and squares about them, of the same number of neighbours among a group's pixels (fewer in
 * the last part): what batch norm merges.
 */
export interface Statistics<B> {
  /** `[G, J, K]` pairs (mean, squares). */
  partial: B;
  /** Parts of the batch with statistics of their own: G. */
  groups: number;
}

export interface VariantContext<B> {
  gpu: Gpu;
  /** Whether the result is added to what the output holds. */
  add: boolean;
  /** Only for a forward variant with an epilogue. */
  epilogue?: Epilogue<B>;
  /** Memory for intermediate results. */
  temporary(shape: Shape): B;
}

/** One way to compute one pass. */
export interface Variant<P extends Pass> {
  /** @param precision of the maps, default f32 */
  fits(gpu: Gpu, shape: ConvolutionShape, precision?: Precision): boolean;
  /** Whether it takes a bias for any shape, and a residual and a ReLU. */
  hasEpilogue?: boolean;
  /** Pixels of each part of the statistics of G groups; undefined or 0 where it cannot give them. */
  rows?(shape: ConvolutionShape, groups: number): number;
  steps<B>(
    shape: ConvolutionShape,
    operands: Operands<B>[P],
    context: VariantContext<B>,
  ): Step<B>[];
}
