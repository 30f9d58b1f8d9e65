/** Scaled dot products of embeddings, and which pairs of them are positive: MoCo, SimCLR, SupCon. */
import dotsCode from "@/kernels/pair_dots.wgsl" with { type: "text" };
import mixCode from "@/kernels/pair_mix.wgsl" with { type: "text" };
import weightsCode from "@/kernels/pair_weights.wgsl" with { type: "text" };
import queueWeightsCode from "@/kernels/queue_weights.wgsl" with { type: "text" };
import type { Tape } from "../tape.ts";
import { expectShape, type Tensor } from "../tensor.ts";
import type { Normalizer } from "./pair_normalizer.ts";
import { softmaxLoss } from "./softmax_loss.ts";

export interface ContrastOptions {
  temperature: number;
  /** Default "global". */
  normalizer?: Normalizer;
}

/**
 * s_ij = a_i . b_j / temperature; `[N, D], [M, D] -> [N, M]`. The gradient goes to both; a and b may be
 * the same tensor.
 */
export function pairLogits(tape: Tape, a: Tensor, b: Tensor, temperature: number): Tensor {
  const [N, D] = a.shape;
  const [M] = b.shape;
  expectShape("pair logits", b, [M, D]);
  const scale = 1 / temperature;
  const s = tape.value([N, M], [a, b]);
  tape.launch({
    code: dotsCode,
    bind: { a, b, s },
    params: { N, M, D, scale },
    grid: [Math.ceil(M / 16), Math.ceil(N / 16)],
  });
  tape.onBackward(s, (ds) => {
    const mixed = (to: Tensor, z: Tensor, row: number, column: number) =>
      tape.addGradient(to, (y, add) =>
        tape.launch({
          code: mixCode,
          constants: { ADD: +add },
          bind: { w: ds, z, y },
          params: { N: to.shape[0], M: z.shape[0], D, row, column, scale },
          grid: [Math.ceil(D / 16), Math.ceil(to.shape[0] / 16)],
        }));
    mixed(a, b, M, 1);
    mixed(b, a, 1, M);
  });
  return s;
}

/**
 * SimCLR over two views of N images; with A = same class it is SupCon. Every other view is a candidate,
 * a pair (i, j) weighs A of its images, in all four blocks. `[2N, D] -> [1]`
 * @param z rows of length 1: view 1 of all images, then view 2
 * @param A `[N, N]` weights in [0, 1], 1 on the diagonal
 */
export function viewContrast(tape: Tape, z: Tensor, A: Tensor, options: ContrastOptions): Tensor {
  const n = z.shape[0];
  const N = A.shape[0];
  expectShape("view contrast", A, [n / 2, n / 2]);
  const w = tape.value([n, n]);
  tape.launch({
    code: weightsCode,
    constants: { SAME_VIEW: 1, EXCLUDE_SELF: 1 },
    bind: { A, w },
    params: { N, n },
    grid: [Math.ceil(n / 64), n],
  });
  return softmaxLoss(tape, pairLogits(tape, z, z, options.temperature), w, options);
}

/**
 * MoCo's loss: the positives of query i are its own key (weight 1) and slots j of the queue (weight
 * A_ij); the keys of the batch's other images are left out. `[N, D] -> [1]`
 * @param q rows of length 1
 * @param keys `[M + N, D]` from `keyQueue`
 * @param A `[N, M]`: above 0 positive, 0 negative, -1 left out (unfilled or stale slots)
 */
export function queueContrast(
  tape: Tape,
  q: Tensor,
  keys: Tensor,
  A: Tensor,
  options: ContrastOptions,
): Tensor {
  const N = q.shape[0];
  const M = keys.shape[0] - N;
  expectShape("queue contrast", A, [N, M]);
  const w = tape.value([N, M + N]);
  tape.launch({
    code: queueWeightsCode,
    bind: { A, w },
    params: { N, M },
    grid: [Math.ceil((M + N) / 64), N],
  });
  return softmaxLoss(tape, pairLogits(tape, q, keys, options.temperature), w, options);
}
