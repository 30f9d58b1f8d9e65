/** The mean squared distance of positive pairs (VICReg's invariance), and rows mixed by their pairs. */
import backwardCode from "@/kernels/pair_distances_backward.wgsl" with { type: "text" };
import distancesCode from "@/kernels/pair_distances.wgsl" with { type: "text" };
import mixCode from "@/kernels/pair_mix.wgsl" with { type: "text" };
import scaleCode from "@/kernels/row_scale.wgsl" with { type: "text" };
import sumCode from "@/kernels/shared_sum.wgsl" with { type: "text" };
import type { Tape } from "../tape.ts";
import { elementCount, expectShape, type Tensor } from "../tensor.ts";
import { type Normalizer, pairNormalizer } from "./pair_normalizer.ts";

/**
 * loss = sum_ij A_ij |a_i - b_j|^2 / (D sum_ij A_ij) (or the mean per anchor); `[1]`. With A the identity
 * it is the mean squared error. The gradient goes to both.
 * @param a `[N, D]`
 * @param b `[N, D]`
 * @param A `[N, N]` weights in [0, 1]
 */
export function pairDistance(
  tape: Tape,
  a: Tensor,
  b: Tensor,
  A: Tensor,
  { normalizer = "global" }: { normalizer?: Normalizer } = {},
): Tensor {
  const [N, D] = a.shape;
  expectShape("pair distance", b, [N, D]);
  expectShape("pair distance", A, [N, N]);
  const { share } = pairNormalizer(tape, A, normalizer);
  const r = tape.value([N]);
  tape.launch({ code: distancesCode, bind: { a, b, w: A, r }, params: { M: N, D }, grid: [N] });
  const scale = 1 / D;
  const y = tape.value([1], [a, b]);
  tape.launch({ code: sumCode, bind: { share, r, y }, params: { N, scale }, grid: [1] });
  tape.onBackward(y, (dy) => {
    const n = elementCount(a.shape);
    const append = (to: Tensor, other: Tensor, transposed: boolean) =>
      tape.addGradient(to, (da, add) =>
        tape.launch({
          code: backwardCode,
          constants: { SHARE_OF_B: +transposed, ADD: +add },
          bind: { a: to, b: other, w: A, share, dy, da },
          params: {
            ...{ M: N, D, n, scale },
            ...(transposed ? { row: 1, column: N } : { row: N, column: 1 }),
          },
          grid: tape.grid(n, 64),
        }));
    append(a, b, false);
    append(b, a, true);
  });
  return y;
}

/**
 * y_i = sum_j A_ij z_j / sum_kj A_kj; `[N, D] -> [N, D]`. With A the identity it is z / N.
 * @param A `[N, N]` weights in [0, 1]
 */
export function pairSums(tape: Tape, A: Tensor, z: Tensor): Tensor {
  const [N, D] = z.shape;
  expectShape("pair sums", A, [N, N]);
  const { share } = pairNormalizer(tape, A, "global");
  const n = N * D;
  const one = tape.constant("one", Float32Array.of(1), "f32");
  const grid = [Math.ceil(D / 16), Math.ceil(N / 16)];
  const mixed = tape.value([N, D]);
  tape.launch({
    code: mixCode,
    bind: { w: A, z, y: mixed },
    params: { N, M: N, D, row: N, column: 1, scale: 1 },
    grid,
  });
  const scaled = (g: Tensor, dx: Tensor) =>
    tape.launch({
      code: scaleCode,
      bind: { g, share, dy: one, dx },
      params: { D, n, scale: 1 },
      grid: tape.grid(n, 64),
    });
  const y = tape.value([N, D], [z]);
  scaled(mixed, y);
  tape.onBackward(y, (dy) => {
    const shared = tape.value([N, D]);
    scaled(dy, shared);
    tape.addGradient(z, (dz, add) =>
      tape.launch({
        code: mixCode,
        constants: { ADD: +add },
        bind: { w: A, z: shared, y: dz },
        params: { N, M: N, D, row: 1, column: N, scale: 1 },
        grid,
      }));
  });
  return y;
}
