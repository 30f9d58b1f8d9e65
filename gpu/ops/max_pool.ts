/** Maximum over square windows; the padding never wins. */
import forwardCode from "@/kernels/max_pool.wgsl" with { type: "text" };
import backwardCode from "@/kernels/max_pool_backward.wgsl" with { type: "text" };
import type { Tape } from "../tape.ts";
import { expectShape, type Tensor } from "../tensor.ts";

export interface MaxPoolOptions {
  /** Side of the window. */
  size: number;
  stride: number;
  /** Less than the window. */
  padding: number;
}

/** `[N, H, W, C] -> [N, P, Q, C]`; of equal maxima the first one gets the gradient. */
export function maxPool(tape: Tape, x: Tensor, options: MaxPoolOptions): Tensor {
  expectShape("max pool", x, [-1, -1, -1, -1]);
  const [N, H, W, C] = x.shape;
  const { size: R, stride: STRIDE, padding: PAD } = options;
  const P = Math.floor((H + 2 * PAD - R) / STRIDE) + 1;
  const Q = Math.floor((W + 2 * PAD - R) / STRIDE) + 1;
  const constants = { R, STRIDE, PAD };
  const y = tape.value([N, P, Q, C], [x], { type: x.type });
  const tap = tape.value(y.shape, [], { type: "u32" });
  const params = { H, W, P, Q, C };
  tape.launch({
    code: forwardCode,
    constants,
    bind: { x, y, tap },
    params,
    grid: [Math.ceil(Q * C / 64), P, N],
  });
  tape.onBackward(y, (dy) =>
    tape.addGradient(x, (dx, add) =>
      tape.launch({
        code: backwardCode,
        constants: { ...constants, ADD: +add },
        bind: { dy, tap, dx },
        params,
        grid: [Math.ceil(W * C / 1024), H, N],
      })));
  return y;
}
