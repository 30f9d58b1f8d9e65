/** Mean over the whole image. */
import forwardCode from "@/kernels/average_pool.wgsl" with { type: "text" };
import backwardCode from "@/kernels/average_pool_backward.wgsl" with { type: "text" };
import type { Tape } from "../tape.ts";
import { elementCount, expectShape, type Tensor } from "../tensor.ts";

/** `[N, H, W, C] -> [N, C]`, in f32. */
export function averagePool(tape: Tape, x: Tensor): Tensor {
  expectShape("average pool", x, [-1, -1, -1, -1]);
  const [N, H, W, C] = x.shape;
  const L = H * W;
  const y = tape.value([N, C], [x]);
  tape.launch({
    code: forwardCode,
    bind: { x, y },
    params: { L, C, n: N * C },
    grid: [Math.ceil(N * C / 64)],
  });
  tape.onBackward(y, (dy) =>
    tape.addGradient(x, (dx, add) => {
      const n = elementCount(x.shape);
      tape.launch({
        code: backwardCode,
        constants: { ADD: +add },
        bind: { dy, dx },
        params: { L, C, n },
        grid: tape.grid(n, 64),
      });
    }));
  return y;
}
