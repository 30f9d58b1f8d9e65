/** y = a + b. */
import addCode from "@/kernels/add.wgsl" with { type: "text" };
import addIntoCode from "@/kernels/add_into.wgsl" with { type: "text" };
import copyCode from "@/kernels/copy.wgsl" with { type: "text" };
import type { Tape } from "../tape.ts";
import { elementCount, expectShape, type Tensor } from "../tensor.ts";

/** Two tensors of one shape. */
export function add(tape: Tape, a: Tensor, b: Tensor): Tensor {
  expectShape("add", b, a.shape);
  const n = elementCount(a.shape);
  const grid = tape.grid(n, 1024);
  const y = tape.value(a.shape, [a, b]);
  tape.launch({ code: addCode, bind: { a, b, y }, params: { n }, grid });
  tape.onBackward(y, (dy) => {
    tape.addGradient(b, (db, adds) =>
      tape.launch({
        code: adds ? addIntoCode : copyCode,
        bind: { x: dy, y: db },
        params: { n },
        grid,
      }));
    tape.giveGradient(a, dy);
  });
  return y;
}
