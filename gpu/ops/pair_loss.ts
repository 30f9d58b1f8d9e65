/** The cosine loss over positive pairs: BYOL and SimSiam, with gaze or without. */
import mixCode from "@/kernels/pair_mix.wgsl" with { type: "text" };
import weightsCode from "@/kernels/pair_weights.wgsl" with { type: "text" };
import dotsCode from "@/kernels/row_dots.wgsl" with { type: "text" };
import scaleCode from "@/kernels/row_scale.wgsl" with { type: "text" };
import sumCode from "@/kernels/shared_sum.wgsl" with { type: "text" };
import type { Tape } from "../tape.ts";
import { expectShape, type Tensor } from "../tensor.ts";
import { l2Normalize } from "./l2_normalize.ts";
import { type Normalizer, pairNormalizer } from "./pair_normalizer.ts";

export interface PairLossOptions {
  /** Factor of the loss, default 1. */
  scale?: number;
  /** Default "global". */
  normalizer?: Normalizer;
}

/**
 * loss = - scale sum_ij A_ij cos(p_i, sg z_j) / sum_ij A_ij (or the mean per anchor); `[1]`.
 *
 * With p and z of 2N rows, A `[N, N]` is that of N images in two views, rows 0 to N-1 and N to 2N-1:
 * each view of p meets the other view of z, and the loss is the mean of the two heads. BYOL's loss is
 * then `scale: 4`, SimSiam's `scale: 1`.
 * @param p `[N, D]` or `[2N, D]`, of any length; the gradient goes here
 * @param z like p, a constant
 * @param A `[N, N]` weights in [0, 1]
 */
export function pairLoss(
  tape: Tape,
  p: Tensor,
  z: Tensor,
  A: Tensor,
  options: PairLossOptions = {},
): Tensor {
  const { scale = 1, normalizer = "global" } = options;
  const [n, D] = p.shape;
  const N = A.shape[0];
  expectShape("pair loss", z, [n, D]);
  expectShape("pair loss", A, [N, N]);
  if (n !== N && n !== 2 * N) {
    throw new Error(`Cannot append pair loss: ${N} or ${2 * N} rows expected, got ${n}`);
  }
  const a = l2Normalize(tape, p);
  const b = l2Normalize(tape, tape.stopGradient(z));
  const w = n === N ? A : crossViews(tape, A, n);
  const { share } = pairNormalizer(tape, w, normalizer);
  const g = tape.value([n, D]);
  tape.launch({
    code: mixCode,
    bind: { w, z: b, y: g },
    params: { N: n, M: n, D, row: n, column: 1, scale: 1 },
    grid: [Math.ceil(D / 16), Math.ceil(n / 16)],
  });
  const r = tape.value([n]);
  tape.launch({ code: dotsCode, bind: { a, b: g, r }, params: { D }, grid: [n] });
  const y = tape.value([1], [p]);
  tape.launch({ code: sumCode, bind: { share, r, y }, params: { N: n, scale: -scale }, grid: [1] });
  tape.onBackward(y, (dy) =>
    tape.addGradient(a, (dx, add) =>
      tape.launch({
        code: scaleCode,
        constants: { ADD: +add },
        bind: { g, share, dy, dx },
        params: { D, n: n * D, scale: -scale },
        grid: tape.grid(n * D, 64),
      })));
  return y;
}

/** Weights of images as those of their views: A between two views, 0 within one; `[N, N] -> [n, n]`. */
export function crossViews(tape: Tape, A: Tensor, n: number): Tensor {
  const w = tape.value([n, n]);
  tape.launch({
    code: weightsCode,
    bind: { A, w },
    params: { N: A.shape[0], n },
    grid: [Math.ceil(n / 64), n],
  });
  return w;
}
