/** Batch normalisation over all axes but the last, with the following ReLU and residual addition. */
import applyCode from "@/kernels/batch_norm.wgsl" with { type: "text" };
import backwardCode from "@/kernels/batch_norm_backward.wgsl" with { type: "text" };
import backwardStatisticsCode from "@/kernels/batch_norm_backward_statistics.wgsl" with {
  type: "text",
};
import backwardSumsCode from "@/kernels/batch_norm_backward_sums.wgsl" with { type: "text" };
import mergeCode from "@/kernels/batch_norm_merge.wgsl" with { type: "text" };
import statisticsCode from "@/kernels/batch_norm_statistics.wgsl" with { type: "text" };
import sumsCode from "@/kernels/batch_norm_sums.wgsl" with { type: "text" };
import type { Tape } from "../tape.ts";
import { elementCount, expectShape, type Tensor } from "../tensor.ts";

/** What a batch norm learns and keeps; all `[C]`. */
export interface BatchNorm {
  /** Absent: no affine map. */
  weight?: Tensor;
  bias?: Tensor;
  running_mean: Tensor;
  running_var: Tensor;
}

export interface BatchNormOptions {
  /** Added before the ReLU, of the shape of x. */
  residual?: Tensor;
  relu?: boolean;
  /** Statistics of the batch (and running ones updated) or the running ones; default: the tape's mode. */
  training?: boolean;
  /** Contiguous parts of the batch with statistics of their own, default 1: split batch norm, or views. */
  groups?: number;
  /** Default 1e-5. */
  eps?: number;
  /** Weight of the newest batch in the running statistics, default 0.1. */
  momentum?: number;
  /** Statistics of the batch as whoever wrote x has summed them: `[G, J, C]` pairs of `rows` rows each. */
  parts?: { partial: Tensor; rows: number };
}

/** Declares a batch norm of C channels under torchvision's names. */
export function declareBatchNorm(
  tape: Tape,
  name: string,
  C: number,
  options: { affine?: boolean; weight?: number } = {},
): BatchNorm {
  const { affine = true, weight = 1 } = options;
  const filled = (value: number) => ({ initial: { kind: "constant", value } as const });
  return {
    ...(affine && {
      weight: tape.parameter(`${name}.weight`, [C], filled(weight)),
      bias: tape.parameter(`${name}.bias`, [C], filled(0)),
    }),
    running_mean: tape.statistic(`${name}.running_mean`, [C], filled(0)),
    running_var: tape.statistic(`${name}.running_var`, [C], filled(1)),
  };
}

/** Rows that a workgroup sums; more for many rows, so that at most this many parts are left to merge. */
const MOST_PARTS = 512;

/**
 * y = relu((x - mean) / sqrt(var + eps) weight + bias + residual); `[.., C] -> [.., C]`. Running
 * statistics take the unbiased variance, as in PyTorch, group after group. y is stored as x is.
 */
export function batchNorm(
  tape: Tape,
  x: Tensor,
  norm: BatchNorm,
  options: BatchNormOptions = {},
): Tensor {
  const { residual, relu = false, eps = 1e-5, momentum = 0.1 } = options;
  const { training = tape.training } = options;
  const { weight, bias, running_mean, running_var } = norm;
  const C = x.shape.at(-1)!;
  const G = training ? options.groups ?? 1 : 1;
  if (x.shape[0] % G !== 0) {
    throw new Error(`Cannot split a batch of ${x.shape[0]} into ${G} groups`);
  }
  expectShape("batch norm", running_mean, [C]);
  if (residual) expectShape("batch norm", residual, x.shape);
  const L = elementCount(x.shape) / C / G;
  const TX = Math.min(32, 2 ** Math.ceil(Math.log2(C)));
  const TY = 256 / TX;
  const size = { TX, TY };
  const columns = Math.ceil(C / TX);
  const rows = Math.max(TY * 8, Math.ceil(L / MOST_PARTS));
  const J = Math.ceil(L / rows);
  const wide = [columns, J, G];

  const mean = training ? tape.value([G, C]) : running_mean;
  const variance = training ? tape.value([G, C]) : running_var;
  if (training) {
    const parts = options.parts
      ? fewer(tape, options.parts, { G, L, C })
      : { partial: tape.value([G, J, C, 2]), rows };
    const { partial } = parts;
    if (!options.parts) {
      tape.launch({
        code: sumsCode,
        constants: size,
        bind: { x, partial },
        params: { L, C, rows },
        grid: wide,
      });
    }
    tape.launch({
      code: statisticsCode,
      bind: { partial, mean, variance, running_mean, running_var },
      params: { L, C, G, J: partial.shape[1], rows: parts.rows, momentum },
      grid: [Math.ceil(C / 16)],
    });
  }
  const affine = { weight: weight ?? mean, bias: bias ?? mean };
  const sources = [x, weight, bias, residual].filter((tensor) => tensor !== undefined);
  const y = tape.value(x.shape, sources, { type: x.type });
  const apply = (y: Tensor) =>
    tape.launch({
      code: applyCode,
      constants: { ...size, AFFINE: +!!weight, RESIDUAL: +!!residual, RELU: +relu },
      bind: { x, residual: residual ?? x, mean, variance, ...affine, y },
      params: { L, C, rows, eps },
      grid: wide,
    });
  // Running statistics may have moved on by then; a residual would have to be kept for it.
  if (training && !residual) tape.recomputable(y, "pass", apply);
  else apply(y);

  tape.onBackward(y, (dy) => {
    // The residual's gradient is what the ReLU lets pass of dy, so then that is written.
    const masks = relu && !!residual;
    const partial = tape.value([G, J, C, 2]);
    const sums = tape.value([G, C, 2]);
    tape.launch({
      code: backwardSumsCode,
      constants: { ...size, AFFINE: +!!weight, FROM_X: +(relu && !residual), FROM_Y: +masks },
      bind: { x, y: masks ? y : x, mean, variance, ...affine, dy, partial },
      params: { L, C, rows, eps },
      grid: wide,
    });
    const statistics = (dweight: Tensor, dbias: Tensor) =>
      tape.launch({
        code: backwardStatisticsCode,
        bind: { partial, sums, dweight, dbias },
        params: { C, G, J },
        grid: [Math.ceil(C / 16)],
      });
    if (weight?.differentiable && bias?.differentiable) {
      tape.addGradient(
        weight,
        (dweight) => tape.addGradient(bias, (dbias) => statistics(dweight, dbias)),
      );
    } else statistics(tape.value([C]), tape.value([C]));
    tape.addGradient(x, (dx, add) =>
      tape.launch({
        code: backwardCode,
        constants: { ...size, AFFINE: +!!weight, RELU: +(relu && !residual), ADD: +add },
        bind: { x, dy, mean, variance, sums, ...affine, dx },
        params: { L, C, rows, eps, inverse_L: training ? 1 / L : 0 },
        grid: wide,
      }));
    if (residual) tape.giveGradient(residual, dy);
  });
  return y;
}

/** The same statistics in at most 512 parts. */
function fewer(
  tape: Tape,
  { partial, rows }: { partial: Tensor; rows: number },
  { G, L, C }: { G: number; L: number; C: number },
): { partial: Tensor; rows: number } {
  const J = partial.shape[1];
  expectShape("batch norm", partial, [G, Math.ceil(L / rows), C, 2]);
  if (J <= MOST_PARTS) return { partial, rows };
  const each = Math.ceil(J / MOST_PARTS);
  const I = Math.ceil(J / each);
  const merged = tape.value([G, I, C, 2]);
  tape.launch({
    code: mergeCode,
    bind: { partial, merged },
    params: { L, C, J, I, rows, each },
    grid: [Math.ceil(C / 64), I, G],
  });
  return { partial: merged, rows: rows * each };
}
