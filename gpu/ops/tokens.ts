/** A map as a sequence of tokens behind a first one of its own, and parts of such sequences. */
import restCode from "@/kernels/token_sums_rest.wgsl" with { type: "text" };
import sliceBackwardCode from "@/kernels/token_slice_backward.wgsl" with { type: "text" };
import sliceCode from "@/kernels/token_slice.wgsl" with { type: "text" };
import sumsCode from "@/kernels/token_sums.wgsl" with { type: "text" };
import tokensCode from "@/kernels/tokens.wgsl" with { type: "text" };
import type { Tape } from "../tape.ts";
import { elementCount, expectShape, type Tensor } from "../tensor.ts";

/**
 * y_0 = start + position_0, y_(1 + l) = x_l + bias + position_(1 + l);
 * `[N, P, Q, C] -> [N, 1 + P Q, C]`, in f32.
 * @param parts.start `[1, 1, C]`
 * @param parts.bias `[C]`
 * @param parts.position `[1, 1 + P Q, C]`
 */
export function tokens(
  tape: Tape,
  x: Tensor,
  { start, bias, position }: { start: Tensor; bias: Tensor; position: Tensor },
): Tensor {
  const [N, P, Q, C] = x.shape;
  const L = P * Q;
  expectShape("tokens", start, [1, 1, C]);
  expectShape("tokens", bias, [C]);
  expectShape("tokens", position, [1, 1 + L, C]);
  const shape = [N, 1 + L, C];
  const n = elementCount(shape);
  const y = tape.value(shape, [x, start, bias, position]);
  tape.launch({
    code: tokensCode,
    bind: { x, start, bias, position, y },
    params: { L, C, n },
    grid: tape.grid(n, 64),
  });
  tape.onBackward(y, (dy) => {
    const g = tape.value([1 + L, C]);
    const sums = (dposition: Tensor) => {
      const count = (1 + L) * C;
      tape.launch({
        code: sumsCode,
        bind: { dy, g, dposition },
        params: { N, n: count },
        grid: tape.grid(count, 64),
      });
    };
    const rest = (dstart: Tensor, dbias: Tensor) =>
      tape.launch({
        code: restCode,
        bind: { g, dstart, dbias },
        params: { T: 1 + L, C },
        grid: [Math.ceil(C / 64)],
      });
    tape.addGradient(position, (dposition) => {
      sums(dposition);
      tape.addGradient(start, (dstart) => tape.addGradient(bias, (dbias) => rest(dstart, dbias)));
    });
    tape.addGradient(
      x,
      (dx) => launchSlice(tape, dy, dx, { T: 1 + L, S: L, C, first: 1 }),
      { writes: true },
    );
  });
  return y;
}

/** y_s = x_(first + s); `[N, T, C] -> [N, count, C]`. */
export function tokenSlice(
  tape: Tape,
  x: Tensor,
  { first, count: S }: { first: number; count: number },
): Tensor {
  const [N, T, C] = x.shape;
  if (first < 0 || S < 1 || first + S > T) {
    throw new Error(`Cannot take tokens ${first} to ${first + S} of ${T}`);
  }
  const sizes = { T, S, C, first };
  const y = tape.value([N, S, C], [x]);
  launchSlice(tape, x, y, sizes);
  tape.onBackward(y, (dy) =>
    tape.addGradient(x, (dx, add) => {
      const n = elementCount(x.shape);
      tape.launch({
        code: sliceBackwardCode,
        constants: { ADD: +add },
        bind: { dy, dx },
        params: { ...sizes, n },
        grid: tape.grid(n, 64),
      });
    }));
  return y;
}

function launchSlice(
  tape: Tape,
  x: Tensor,
  y: Tensor,
  sizes: { T: number; S: number; C: number; first: number },
): void {
  const n = elementCount(y.shape);
  tape.launch({ code: sliceCode, bind: { x, y }, params: { ...sizes, n }, grid: tape.grid(n, 64) });
}
