import code from "@/kernels/tima_pairs.wgsl" with { type: "text" };
import type { Gpu } from "../device.ts";
import { kernel, launch } from "../kernel.ts";
import type { Pairs } from "./pairs.ts";
import { sequencePairs, type Sequences } from "./sequence.ts";

/**
 * Dynamic time warping of all pairs of cluster sequences.
 * @param clusters an element is a cluster's M00 and first Hu moment, then 0, 0
 */
export function timaPairs(
  gpu: Gpu,
  clusters: Sequences,
  { weights }: { weights: { m00: number; i1: number } },
): Pairs {
  const compiled = kernel(gpu, code);
  return sequencePairs(gpu, clusters, {
    components: 1,
    scratch: (rows) => 2 * rows,
    launch: ({ pairs, spans, values: clusters, work, s }, { first, count, lanes, rows }) =>
      launch(gpu, compiled, {
        bind: { pairs, spans, clusters, work, s },
        params: { first, count, lanes, lengths: rows, weights: [weights.m00, weights.i1] },
        grid: [Math.ceil(count / 64)],
      }),
  });
}
