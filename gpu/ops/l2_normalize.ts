/** Rows of length 1. */
import forwardCode from "@/kernels/l2_normalize.wgsl" with { type: "text" };
import backwardCode from "@/kernels/l2_normalize_backward.wgsl" with { type: "text" };
import type { Tape } from "../tape.ts";
import { expectShape, type Tensor } from "../tensor.ts";

/** y = x / max(|x|, eps), row by row; `[N, D] -> [N, D]`. */
export function l2Normalize(tape: Tape, x: Tensor, options: { eps?: number } = {}): Tensor {
  expectShape("L2 normalise", x, [-1, -1]);
  const [N, D] = x.shape;
  const params = { N, D, eps: options.eps ?? 1e-12 };
  const grid = tape.grid(N, 1);
  const y = tape.value(x.shape, [x]);
  const norm = tape.value([N]);
  tape.launch({ code: forwardCode, bind: { x, y, norm }, params, grid });
  tape.onBackward(y, (dy) =>
    tape.addGradient(x, (dx, add) =>
      tape.launch({
        code: backwardCode,
        constants: { ADD: +add },
        bind: { y, norm, dy, dx },
        params,
        grid,
      })));
  return y;
}
