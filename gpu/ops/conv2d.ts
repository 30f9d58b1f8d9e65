import { keyOf, selectVariant, variants } from "../convolution/selection.ts";
import { type ConvolutionShape, outputSize } from "../convolution/shape.ts";
import type { Pass, Statistics, Variant, VariantContext } from "../convolution/variant.ts";
import type { Step } from "../step.ts";
import type { Tape } from "../tape.ts";
import { expectShape, type Precision, type Tensor } from "../tensor.ts";

export interface Conv2dOptions {
  /** Same in both directions; default 1. */
  stride?: number;
  /** Zeros around the image, same on all sides; default 0. */
  padding?: number;
  /** Filled with the statistics of y by the forward pass, if its variant gives them (`variant.rows`). */
  statistics?: Statistics<Tensor>;
}

/**
 * 2d convolution (cross-correlation, as in PyTorch) without bias.
 * `x [N, H, W, C], w [R, S, C, K] -> y [N, P, Q, K]`, P = (H + 2 padding - R) / stride + 1.
 * y is stored as the tape's precision says.
 * @throws {Error} unless the adapter has a kernel for C and K: multiples of 4 always do
 */
export function conv2d(tape: Tape, x: Tensor, w: Tensor, options: Conv2dOptions = {}): Tensor {
  const shape = convolutionShape(x, w, options);
  const { P, Q } = outputSize(shape);
  const { precision } = tape;
  const y = tape.value([shape.N, P, Q, shape.K], [x, w], { type: precision });
  const chosen = <P extends Pass>(pass: P) => choose(tape, pass, shape, precision);
  const forward = chosen("forward");
  // Written again for the backward steps, y has its statistics already.
  let epilogue = options.statistics && { statistics: options.statistics };
  tape.recomputable(y, "convolution", (y) => {
    append(tape, forward.steps(shape, { x, w, y }, { ...contextOf(tape, false), epilogue }));
    epilogue = undefined;
  });
  tape.onBackward(y, (dy) => {
    tape.addGradient(
      w,
      (dw, add) =>
        append(tape, chosen("backward_weight").steps(shape, { x, dy, dw }, contextOf(tape, add))),
    );
    tape.addGradient(
      x,
      (dx, add) =>
        append(tape, chosen("backward_data").steps(shape, { dy, w, dx }, contextOf(tape, add))),
    );
  });
  return y;
}

/** The variant that computes a pass on this tape, over maps of a precision. */
export function choose<P extends Pass>(
  tape: Tape,
  pass: P,
  shape: ConvolutionShape,
  precision: Precision = "f32",
): Variant<P> {
  const { gpu, passes, selected } = tape;
  passes.set(keyOf(pass, shape, precision), { pass, shape, precision });
  return variants[pass][selectVariant(gpu, pass, shape, { selected, precision })];
}

/** @throws {Error} when shapes do not fit each other */
export function convolutionShape(
  x: Tensor,
  w: Tensor,
  { stride = 1, padding = 0 }: Conv2dOptions = {},
): ConvolutionShape {
  const [N, H, W, C] = x.shape;
  const [R, S, , K] = w.shape;
  expectShape("conv2d", x, [-1, -1, -1, -1]);
  expectShape("conv2d", w, [-1, -1, C, -1]);
  const shape = { N, H, W, C, K, R, S, stride, padding };
  const { P, Q } = outputSize(shape);
  if (P < 1 || Q < 1) {
    throw new Error(`Cannot append conv2d: a ${R}x${S} filter does not fit into ${H}x${W} pixels`);
  }
  return shape;
}

/** Memory and mode of a variant that is built on a tape. */
export function contextOf(tape: Tape, add: boolean): VariantContext<Tensor> {
  return { gpu: tape.gpu, add, temporary: (shape) => tape.value(shape) };
}

/** Appends the steps of a variant. */
export function append(tape: Tape, steps: Step[]): void {
  for (const step of steps) tape.launch(step);
}
