/** Class activation maps (Zhou et al. 2016, arXiv 1512.04150, equation 2) that training can be told about. */
import forwardCode from "@/kernels/class_map.wgsl" with { type: "text" };
import backwardCode from "@/kernels/class_map_backward.wgsl" with { type: "text" };
import weightCode from "@/kernels/class_map_backward_weight.wgsl" with { type: "text" };
import type { Tape } from "../tape.ts";
import { linear } from "./linear.ts";
import { elementCount, expectShape, type Tensor } from "../tensor.ts";

/**
 * m_l = sum_f x_lf w_f of each image's own class; `[N, h, w, F] -> [N, h w]`. The gradient goes to x and w.
 * @param w `[F, K]`, the classifier's
 * @param label `[N]` u32; the map is 0 where it is no class
 */
export function classMap(tape: Tape, x: Tensor, w: Tensor, label: Tensor): Tensor {
  return mapped(tape, x, { w, label });
}

/**
 * The mean of the maps of several classes, m_l = sum_k s_kn sum_f x_lf w_fk: the map of the mean of their weights, as
 * maps are linear in these. `[N, h, w, F] -> [N, h w]`
 * @param w `[F, K]`, the classifier's
 * @param s `[K, N]`, each image's share of each class
 */
export function classMapMean(tape: Tape, x: Tensor, w: Tensor, s: Tensor): Tensor {
  const [N] = x.shape;
  expectShape("class map", s, [w.shape[1], N]);
  const own = Uint32Array.from({ length: N }, (_, n) => n);
  return mapped(tape, x, { w: linear(tape, w, s), label: tape.constant("own", own, "u32") });
}

/** m_l = mean over f of x_lf; `[N, h, w, F] -> [N, h w]`. */
export function channelMean(tape: Tape, x: Tensor): Tensor {
  return mapped(tape, x);
}

function mapped(tape: Tape, x: Tensor, given?: { w: Tensor; label: Tensor }): Tensor {
  expectShape("class map", x, [-1, -1, -1, -1]);
  const [N, h, width, F] = x.shape;
  const L = h * width;
  const K = given?.w.shape[1] ?? 1;
  if (given) {
    expectShape("class map", given.w, [F, K]);
    expectShape("class map", given.label, [N]);
  }
  const MEAN = +!given;
  const w = given?.w ?? tape.constant("no weights", new Float32Array(1), "f32");
  const label = given?.label ?? tape.constant("no labels", new Uint32Array(N), "u32");
  const m = tape.value([N, L], given ? [x, w] : [x]);
  tape.launch({
    code: forwardCode,
    constants: { MEAN },
    bind: { x, w, label, m },
    params: { L, F, K },
    grid: [L, N],
  });
  tape.onBackward(m, (dm) => {
    if (given) {
      tape.addGradient(given.w, (dw, add) =>
        tape.launch({
          code: weightCode,
          constants: { ADD: +add },
          bind: { x, dm, label, dw },
          params: { N, L, F, K },
          grid: [Math.ceil(F / 64), K],
        }));
    }
    tape.addGradient(x, (dx, add) => {
      const n = elementCount(x.shape);
      tape.launch({
        code: backwardCode,
        constants: { MEAN, ADD: +add },
        bind: { dm, w, label, dx },
        params: { L, F, K, n },
        grid: tape.grid(n, 64),
      });
    });
  });
  return m;
}
