import code from "@/kernels/dtw_pairs.wgsl" with { type: "text" };
import type { Gpu } from "../device.ts";
import { kernel, launch } from "../kernel.ts";
import type { Pairs } from "./pairs.ts";
import { sequencePairs, type Sequences } from "./sequence.ts";

/**
 * Dynamic time warping of all pairs of scanpaths.
 * @param scanpaths an element is a fixation: x, y (over the diagonal), duration (s), 0
 */
export function dtwPairs(
  gpu: Gpu,
  scanpaths: Sequences,
  { durationWeight }: { durationWeight: number },
): Pairs {
  const compiled = kernel(gpu, code);
  return sequencePairs(gpu, scanpaths, {
    components: 1,
    scratch: (rows) => 2 * rows,
    launch: ({ pairs, spans, values: fixations, work, s }, { first, count, lanes, rows }) =>
      launch(gpu, compiled, {
        bind: { pairs, spans, fixations, work, s },
        params: { first, count, lanes, lengths: rows, durationWeight },
        grid: [Math.ceil(count / 64)],
      }),
  });
}
