/** Binary cross-entropy with logits of several findings, some of which are not known. */
import backwardCode from "@/kernels/sigmoid_loss_backward.wgsl" with { type: "text" };
import code from "@/kernels/sigmoid_loss.wgsl" with { type: "text" };
import type { Tape } from "../tape.ts";
import { elementCount, expectShape, type Tensor } from "../tensor.ts";

/**
 * Mean over what is known of the loss of PyTorch's `BCEWithLogitsLoss`, [N, K] -> [1]; 0 where nothing is known.
 * @param t `[N, K]`, 1 or 0, below 0 where it is not known
 * @param p `[K]`, the weight of what is present (`pos_weight`)
 */
export function sigmoidLoss(tape: Tape, x: Tensor, t: Tensor, p: Tensor): Tensor {
  expectShape("sigmoid loss", x, [-1, -1]);
  expectShape("sigmoid loss", t, x.shape);
  const [, K] = x.shape;
  expectShape("sigmoid loss", p, [K]);
  const n = elementCount(x.shape);
  const m = tape.value([1]);
  const y = tape.value([1], [x]);
  tape.launch({ code, bind: { x, t, p, y, m }, params: { K, n }, grid: [1] });
  tape.onBackward(y, (dy) =>
    tape.addGradient(x, (dx, add) =>
      tape.launch({
        code: backwardCode,
        constants: { ADD: +add },
        bind: { x, t, p, m, dy, dx },
        params: { K, n },
        grid: tape.grid(n, 64),
      })));
  return y;
}
