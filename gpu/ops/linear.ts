import biasCode from "@/kernels/linear_backward_bias.wgsl" with { type: "text" };
import { matrixShape } from "../convolution/shape.ts";
import type { Tape } from "../tape.ts";
import { expectShape, type Tensor } from "../tensor.ts";
import { append, choose, contextOf } from "./conv2d.ts";

/** Affine map of rows, a 1x1 convolution. `x [N, C], w [C, K], b [K] -> x w + b [N, K]` */
export function linear(tape: Tape, x: Tensor, w: Tensor, b?: Tensor): Tensor {
  const [N, C] = x.shape;
  const [, K] = w.shape;
  expectShape("linear", x, [-1, -1]);
  expectShape("linear", w, [C, -1]);
  if (b) expectShape("linear", b, [K]);
  const shape = matrixShape(N, C, K);
  const y = tape.value([N, K], b ? [x, w, b] : [x, w]);
  append(tape, choose(tape, "forward", shape).steps(shape, { x, w, y, b }, contextOf(tape, false)));
  tape.onBackward(y, (dy) => {
    tape.addGradient(
      w,
      (dw, add) =>
        append(
          tape,
          choose(tape, "backward_weight", shape).steps(shape, { x, dy, dw }, contextOf(tape, add)),
        ),
    );
    if (b) {
      tape.addGradient(b, (db, add) =>
        tape.launch({
          code: biasCode,
          constants: { ADD: +add },
          bind: { dy, db },
          params: { N, K },
          grid: [Math.ceil(K / 64)],
        }));
    }
    tape.addGradient(
      x,
      (dx, add) =>
        append(
          tape,
          choose(tape, "backward_data", shape).steps(shape, { dy, w, dx }, contextOf(tape, add)),
        ),
    );
  });
  return y;
}
