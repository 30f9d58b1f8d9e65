/** Layer normalisation over the last axis (Ba, Kiros and Hinton 2016, arXiv 1607.06450). */
import statisticsCode from "@/kernels/batch_norm_backward_statistics.wgsl" with { type: "text" };
import forwardCode from "@/kernels/layer_norm.wgsl" with { type: "text" };
import backwardCode from "@/kernels/layer_norm_backward.wgsl" with { type: "text" };
import sumsCode from "@/kernels/layer_norm_backward_sums.wgsl" with { type: "text" };
import type { Tape } from "../tape.ts";
import { elementCount, expectShape, type Tensor } from "../tensor.ts";

/** Rows that an invocation sums: few enough that a GPU has work for all of it. */
const ROWS = 64;

/**
 * y = (x - mean) / sqrt(var + eps) weight + bias, row by row, the variance biased; `[.., C] -> [.., C]`.
 * @param weight `[C]`
 * @param bias `[C]`
 * @param options.eps default 1e-6, timm's in vision transformers; PyTorch's own is 1e-5
 */
export function layerNorm(
  tape: Tape,
  x: Tensor,
  { weight, bias }: { weight: Tensor; bias: Tensor },
  { eps = 1e-6 }: { eps?: number } = {},
): Tensor {
  const C = x.shape.at(-1)!;
  const L = elementCount(x.shape) / C;
  expectShape("layer norm", weight, [C]);
  expectShape("layer norm", bias, [C]);
  const y = tape.value(x.shape, [x, weight, bias]);
  const statistics = tape.value([L, 2]);
  const grid = tape.grid(L, 1);
  tape.launch({
    code: forwardCode,
    bind: { x, weight, bias, y, statistics },
    params: { L, C, eps },
    grid,
  });
  tape.onBackward(y, (dy) => {
    const J = Math.ceil(L / ROWS);
    const partial = tape.value([J, C, 2]);
    const parameters = (dweight: Tensor, dbias: Tensor) => {
      tape.launch({
        code: sumsCode,
        bind: { x, statistics, dy, partial },
        params: { L, C, rows: ROWS },
        grid: [Math.ceil(C / 64), J],
      });
      tape.launch({
        code: statisticsCode,
        bind: { partial, sums: tape.value([C, 2]), dweight, dbias },
        params: { C, G: 1, J },
        grid: [Math.ceil(C / 16)],
      });
    };
    tape.addGradient(
      weight,
      (dweight) => tape.addGradient(bias, (dbias) => parameters(dweight, dbias)),
    );
    tape.addGradient(x, (dx, add) =>
      tape.launch({
        code: backwardCode,
        constants: { ADD: +add },
        bind: { x, weight, statistics, dy, dx },
        params: { L, C },
        grid,
      }));
  });
  return y;
}
