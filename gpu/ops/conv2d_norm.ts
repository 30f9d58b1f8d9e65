/** A convolution and the batch norm after it: one in programs that only evaluate, else with shared statistics. */
import foldCode from "@/kernels/batch_norm_fold.wgsl" with { type: "text" };
import { outputSize } from "../convolution/shape.ts";
import type { Tape } from "../tape.ts";
import { elementCount, expectShape, type Tensor } from "../tensor.ts";
import { type BatchNorm, batchNorm, type BatchNormOptions } from "./batch_norm.ts";
import {
  append,
  choose,
  contextOf,
  conv2d,
  type Conv2dOptions,
  convolutionShape,
} from "./conv2d.ts";

const ROWS = 64;

/**
 * relu(norm(conv(x, w)) + residual); `x [N, H, W, C], w [R, S, C, K] -> [N, P, Q, K]`.
 *
 * On a tape for evaluation the running statistics are folded into weights and bias, which happens when
 * the store has changed, not in every run, and the convolution's kernel does the rest while it stores.
 * Where statistics of the batch are needed, the convolution's kernel sums them up while it stores.
 */
export function conv2dNorm(
  tape: Tape,
  x: Tensor,
  w: Tensor,
  norm: BatchNorm,
  options: { convolution?: Conv2dOptions; norm?: BatchNormOptions } = {},
): Tensor {
  const { weight, bias, running_mean: mean, running_var: variance } = norm;
  const { relu = false, residual, eps = 1e-5, training = tape.training } = options.norm ?? {};
  const shape = convolutionShape(x, w, options.convolution);
  const forward = choose(tape, "forward", shape, tape.precision);
  const { K } = shape;
  const { P, Q } = outputSize(shape);
  const L = shape.N * P * Q;
  if (tape.training || training || !weight || !bias || !forward.hasEpilogue) {
    const { groups = 1 } = options.norm ?? {};
    const rows = training ? forward.rows?.(shape, groups) ?? 0 : 0;
    const partial = rows > 0 ? tape.value([groups, Math.ceil(L / groups / rows), K, 2]) : undefined;
    const statistics = partial && { partial, groups };
    const y = conv2d(tape, x, w, { ...options.convolution, statistics });
    return batchNorm(tape, y, norm, {
      ...options.norm,
      parts: partial && { partial, rows },
    });
  }
  const [folded, folded_bias] = [tape.folded(w), tape.folded(bias)];
  const rows = elementCount(w.shape) / K;
  tape.during("load", () =>
    tape.launch({
      code: foldCode,
      bind: { w, weight, bias, mean, variance, folded, folded_bias },
      params: { rows, K, each: ROWS, eps },
      grid: [Math.ceil(K / 64), Math.ceil(rows / ROWS)],
    }));
  const y = tape.value([shape.N, P, Q, K], [], { type: tape.precision });
  if (residual) expectShape("convolution with norm", residual, y.shape);
  const operands = { x, w: folded, y, b: folded_bias };
  const epilogue = { residual, relu };
  append(tape, forward.steps(shape, operands, { ...contextOf(tape, false), epilogue }));
  return y;
}
