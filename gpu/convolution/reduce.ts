import reduceCode from "@/kernels/conv2d_reduce.wgsl" with { type: "text" };
import type { Step } from "../step.ts";

/** Adds up `part [Z, n]` in the order of z. `dw[i] (+)= sum_z part[z, i]` */
export function reduce<B>(
  { part, dw }: { part: B; dw: B },
  { n, Z, add }: { n: number; Z: number; add: boolean },
): Step<B> {
  return {
    code: reduceCode,
    constants: { ADD: +add },
    bind: { part, dw },
    params: { n, Z },
    grid: [Math.ceil(n / 256)],
  };
}
