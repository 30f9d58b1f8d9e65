import code from "@/kernels/multimatch_pairs.wgsl" with { type: "text" };
import type { Gpu } from "../device.ts";
import { kernel, launch } from "../kernel.ts";
import type { Pairs } from "./pairs.ts";
import { sequencePairs, type Sequences } from "./sequence.ts";

/**
 * MultiMatch of all pairs; components are score, shape, direction, length, position, duration.
 * @param scanpaths an element is a saccade: dx, dy, x, y, length (px), angle (rad), duration (s), 0
 * @param options.weights of the five parts in the score, sum 1
 */
export function multimatchPairs(
  gpu: Gpu,
  scanpaths: Sequences,
  options: { diagonal: number; weights: number[] },
): Pairs {
  const compiled = kernel(gpu, code);
  const { diagonal, weights } = options;
  const stepWords = (rows: number, columns: number) => Math.ceil(rows / 4) * Math.ceil(columns / 4);
  return sequencePairs(gpu, scanpaths, {
    components: 6,
    scratch: (rows, columns) => rows + stepWords(rows, columns) + 5 * (rows + columns - 1),
    launch: ({ pairs, spans, values: vectors, work, s }, { first, count, total, lanes, ...tile }) =>
      launch(gpu, compiled, {
        bind: { pairs, spans, vectors, work, s },
        params: {
          first,
          count,
          total,
          lanes,
          steps: tile.rows,
          differences: tile.rows + stepWords(tile.rows, tile.columns),
          diagonal,
          weights: weights.slice(0, 4),
          durationWeight: weights[4],
        },
        grid: [Math.ceil(count / 64)],
      }),
  });
}
