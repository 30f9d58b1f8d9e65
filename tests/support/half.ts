/** Numbers and tensors in f16. */
import type { Tape } from "@/gpu/tape.ts";
import { elementCount, type Precision, type Tensor } from "@/gpu/tensor.ts";
import storedAsCode from "./stored_as.wgsl" with { type: "text" };
import type { Values } from "./operation.ts";

/** The nearest numbers that f16 can hold. */
export function rounded({ shape, data }: Values): Values {
  return { shape, data: Float32Array.from(new Float16Array(data)) };
}

/** The same elements, stored otherwise; differentiable. */
export function storedAs(tape: Tape, x: Tensor, type: Precision): Tensor {
  const params = { n: elementCount(x.shape) };
  const y = tape.value(x.shape, [x], { type });
  tape.launch({ code: storedAsCode, bind: { x, y }, params, grid: [1] });
  tape.onBackward(y, (dy) =>
    tape.addGradient(
      x,
      (dx) => tape.launch({ code: storedAsCode, bind: { x: dy, y: dx }, params, grid: [1] }),
      { writes: true },
    ));
  return y;
}
