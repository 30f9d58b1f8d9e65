/** y = max(x, 0). */
import forwardCode from "@/kernels/relu.wgsl" with { type: "text" };
import backwardCode from "@/kernels/relu_backward.wgsl" with { type: "text" };
import type { Tape } from "../tape.ts";
import { elementCount, type Tensor } from "../tensor.ts";

/** Any shape. */
export function relu(tape: Tape, x: Tensor): Tensor {
  const n = elementCount(x.shape);
  const grid = tape.grid(n, 1024);
  const y = tape.value(x.shape, [x]);
  tape.launch({ code: forwardCode, bind: { x, y }, params: { n }, grid });
  tape.onBackward(y, (dy) => {
    tape.launch({ code: backwardCode, bind: { y, dy }, params: { n }, grid });
    tape.giveGradient(x, dy);
  });
  return y;
}
