/** What a student learns from a teacher's distribution: DINO's loss (Caron et al. 2021, arXiv 2104.14294, 3.1). */
import averageCode from "@/kernels/center_average.wgsl" with { type: "text" };
import softmaxCode from "@/kernels/centred_softmax.wgsl" with { type: "text" };
import mixCode from "@/kernels/pair_mix.wgsl" with { type: "text" };
import type { Tape } from "../tape.ts";
import { expectShape, type Tensor } from "../tensor.ts";
import { crossViews } from "./pair_loss.ts";
import type { Normalizer } from "./pair_normalizer.ts";
import { softmaxLoss } from "./softmax_loss.ts";

export interface DistillationOptions {
  /** Of the teacher's softmax; the student's logits come divided by theirs. */
  temperature: number;
  /** Weight of the old centre in each step. */
  centerMomentum: number;
  /** Default "global". */
  normalizer?: Normalizer;
}

/**
 * loss = - sum_ij A_ij sum_k p_jk logsoftmax(s_i)_k / sum_ij A_ij between two views (or the mean per
 * anchor), p_j = softmax((t_j - center) / temperature); `[1]`. With A the identity it is DINO's over two
 * views. The centre follows the mean of t after the step, as statistic `center`.
 * @param s the student's logits, `[2N, K]`: view 0 of all images, then view 1; the gradient goes here
 * @param t the teacher's, `[2N, K]`, a constant
 * @param A `[N, N]` weights in [0, 1]
 */
export function distillation(
  tape: Tape,
  s: Tensor,
  t: Tensor,
  A: Tensor,
  { temperature, centerMomentum: momentum, normalizer }: DistillationOptions,
): Tensor {
  const [n, K] = s.shape;
  expectShape("distillation", t, [n, K]);
  expectShape("distillation", A, [n / 2, n / 2]);
  const initial = { kind: "constant", value: 0 } as const;
  const center = tape.statistic("center", [K], { initial, exported: false });
  const p = tape.value([n, K]);
  tape.launch({
    code: softmaxCode,
    bind: { x: t, center, y: p },
    params: { K, inverse: 1 / temperature },
    grid: [n],
  });
  const targets = tape.value([n, K]);
  tape.launch({
    code: mixCode,
    bind: { w: crossViews(tape, A, n), z: p, y: targets },
    params: { N: n, M: n, D: K, row: n, column: 1, scale: 1 },
    grid: [Math.ceil(K / 16), Math.ceil(n / 16)],
  });
  tape.during("record", () =>
    tape.launch({
      code: averageCode,
      bind: { x: t, center },
      params: { N: n, K, momentum },
      grid: tape.grid(K, 64),
    }));
  return softmaxLoss(tape, s, targets, { normalizer });
}
