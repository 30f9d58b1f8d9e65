/** y = x Phi(x), Phi the normal distribution's (Hendrycks and Gimpel 2016, arXiv 1606.08415), not its tanh form. */
import code from "@/kernels/gelu.wgsl" with { type: "text" };
import type { Tape } from "../tape.ts";
import { elementCount, type Tensor } from "../tensor.ts";

/** Any shape. */
export function gelu(tape: Tape, x: Tensor): Tensor {
  const n = elementCount(x.shape);
  const grid = tape.grid(n, 64);
  const y = tape.value(x.shape, [x]);
  const append = (y: Tensor) => tape.launch({ code, bind: { x, dy: x, y }, params: { n }, grid });
  tape.recomputable(y, "pass", append);
  tape.onBackward(y, (dy) =>
    tape.addGradient(x, (dx, add) =>
      tape.launch({
        code,
        constants: { GRADIENT: 1, ADD: +add },
        bind: { x, dy, y: dx },
        params: { n },
        grid,
      })));
  return y;
}
