/** Cross-entropy between a softmax over the columns and weights of the columns, row by row. */
import backwardCode from "@/kernels/softmax_backward.wgsl" with { type: "text" };
import rowsCode from "@/kernels/softmax_rows.wgsl" with { type: "text" };
import sumCode from "@/kernels/shared_sum.wgsl" with { type: "text" };
import type { Tape } from "../tape.ts";
import { elementCount, expectShape, type Tensor } from "../tensor.ts";
import { type Normalizer, pairNormalizer } from "./pair_normalizer.ts";

/**
 * loss = - sum_ij w_ij logsoftmax(s)_ij / sum_ij w_ij (or the mean per anchor); `[1]`.
 * @param s `[N, M]` logits
 * @param w `[N, M]` weights; below 0 the column is neither positive nor negative in that row
 */
export function softmaxLoss(
  tape: Tape,
  s: Tensor,
  w: Tensor,
  options: { normalizer?: Normalizer } = {},
): Tensor {
  expectShape("softmax loss", w, s.shape);
  const [N, M] = s.shape;
  const { total, share } = pairNormalizer(tape, w, options.normalizer ?? "global");
  const r = tape.value([N]);
  const lse = tape.value([N]);
  tape.launch({ code: rowsCode, bind: { s, w, r, lse }, params: { M }, grid: [N] });
  const y = tape.value([1], [s]);
  tape.launch({ code: sumCode, bind: { share, r, y }, params: { N, scale: 1 }, grid: [1] });
  tape.onBackward(y, (dy) =>
    tape.addGradient(s, (ds, add) => {
      const n = elementCount(s.shape);
      tape.launch({
        code: backwardCode,
        constants: { ADD: +add },
        bind: { s, w, share, total, lse, dy, ds },
        params: { M, n },
        grid: tape.grid(n, 64),
      });
    }));
  return y;
}
