/**
 * What keeps embeddings from saying the same in many dimensions: terms over columns instead of pairs of
 * rows, of VICReg (Bardes et al. 2022) and Barlow Twins (Zbontar et al. 2021).
 */
import centerCode from "@/kernels/column_center.wgsl" with { type: "text" };
import dotsCode from "@/kernels/pair_dots.wgsl" with { type: "text" };
import mixCode from "@/kernels/pair_mix.wgsl" with { type: "text" };
import sumCode from "@/kernels/shared_sum.wgsl" with { type: "text" };
import hingeCode from "@/kernels/std_hinge.wgsl" with { type: "text" };
import hingeBackwardCode from "@/kernels/std_hinge_backward.wgsl" with { type: "text" };
import squaresCode from "@/kernels/target_squares.wgsl" with { type: "text" };
import squaresBackwardCode from "@/kernels/target_squares_backward.wgsl" with { type: "text" };
import type { Tape } from "../tape.ts";
import { elementCount, expectShape, type Tensor } from "../tensor.ts";

/** x less the mean of each column; `[N, D] -> [N, D]`. */
export function center(tape: Tape, x: Tensor): Tensor {
  const [N, D] = x.shape;
  const append = (from: Tensor, to: Tensor) =>
    tape.launch({
      code: centerCode,
      bind: { x: from, y: to },
      params: { N, D },
      grid: [Math.ceil(D / 64)],
    });
  const y = tape.value(x.shape, [x]);
  append(x, y);
  tape.onBackward(
    y,
    (dy) => tape.addGradient(x, (dx) => append(dy, dx), { writes: true }),
  );
  return y;
}

/**
 * c = scale a^T b; `[N, D], [N, E] -> [D, E]`. The gradient goes to both; a and b may be the same tensor.
 */
export function columnProducts(tape: Tape, a: Tensor, b: Tensor, scale: number): Tensor {
  const [N, D] = a.shape;
  const E = b.shape[1];
  expectShape("column products", b, [N, E]);
  const c = tape.value([D, E], [a, b]);
  const tiles = (rows: number, columns: number) => [Math.ceil(columns / 16), Math.ceil(rows / 16)];
  tape.launch({
    code: mixCode,
    bind: { w: a, z: b, y: c },
    params: { N: D, M: N, D: E, row: 1, column: D, scale },
    grid: tiles(D, E),
  });
  tape.onBackward(c, (dc) => {
    tape.addGradient(a, (da) =>
      tape.launch({
        code: dotsCode,
        bind: { a: b, b: dc, s: da },
        params: { N, M: D, D: E, scale },
        grid: tiles(N, D),
      }), { writes: true });
    tape.addGradient(b, (db, add) =>
      tape.launch({
        code: mixCode,
        constants: { ADD: +add },
        bind: { w: a, z: dc, y: db },
        params: { N, M: D, D: E, row: D, column: 1, scale },
        grid: tiles(N, E),
      }));
  });
  return c;
}

/**
 * loss = mean over d of max(0, margin - sqrt(var_d + eps)), the variance unbiased: VICReg's variance term,
 * section 4.1. `[N, D] -> [1]`
 * @param x rows whose columns have mean 0 (`center`)
 * @throws {Error} for fewer than two rows
 */
export function stdHinge(
  tape: Tape,
  x: Tensor,
  { margin = 1, eps = 1e-4 }: { margin?: number; eps?: number } = {},
): Tensor {
  const [N, D] = x.shape;
  if (N < 2) throw new Error(`Cannot tell the variance of ${N} row`);
  const deviation = tape.value([D]);
  const r = tape.value([D]);
  tape.launch({
    code: hingeCode,
    bind: { x, deviation, r },
    params: { N, D, margin, eps },
    grid: [Math.ceil(D / 64)],
  });
  const y = sum(tape, r, 1 / D, x);
  tape.onBackward(y, (dy) =>
    tape.addGradient(x, (dx, add) => {
      const n = elementCount(x.shape);
      tape.launch({
        code: hingeBackwardCode,
        constants: { ADD: +add },
        bind: { x, deviation, dy, dx },
        params: { N, D, n, margin, scale: 1 / D },
        grid: tape.grid(n, 64),
      });
    }));
  return y;
}

export interface TargetSquaresOptions {
  /** Weight of the squares on the diagonal, and what its elements should be. */
  on: number;
  goal: number;
  /** Weight of the squares off the diagonal, whose elements should be 0. */
  off: number;
  /** Factor of the whole, default 1. */
  scale?: number;
}

/** loss = scale [on sum_i (c_ii - goal)^2 + off sum_(i != j) c_ij^2]; `[D, D] -> [1]`. */
export function targetSquares(tape: Tape, c: Tensor, options: TargetSquaresOptions): Tensor {
  const { on, goal, off, scale = 1 } = options;
  const [D] = c.shape;
  expectShape("target squares", c, [D, D]);
  const r = tape.value([D]);
  tape.launch({ code: squaresCode, bind: { c, r }, params: { D, on, off, goal }, grid: [D] });
  const y = sum(tape, r, scale, c);
  tape.onBackward(y, (dy) =>
    tape.addGradient(c, (dc, add) =>
      tape.launch({
        code: squaresBackwardCode,
        constants: { ADD: +add },
        bind: { c, dy, dc },
        params: { D, n: D * D, on, off, goal, scale },
        grid: tape.grid(D * D, 64),
      })));
  return y;
}

/** scale sum_d r_d. */
function sum(tape: Tape, r: Tensor, scale: number, from: Tensor): Tensor {
  const N = r.shape[0];
  const ones = tape.constant("ones", new Float32Array(N).fill(1), "f32");
  const y = tape.value([1], [from]);
  tape.launch({ code: sumCode, bind: { share: ones, r, y }, params: { N, scale }, grid: [1] });
  return y;
}
