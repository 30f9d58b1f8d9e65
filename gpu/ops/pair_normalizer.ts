/** How much each anchor's row counts in a loss over weighted pairs. */
import anchorCode from "@/kernels/anchor_weights.wgsl" with { type: "text" };
import rowsCode from "@/kernels/row_sums.wgsl" with { type: "text" };
import type { Tape } from "../tape.ts";
import type { Tensor } from "../tensor.ts";

/** `global`: divide by the sum of all weights; `anchor`: mean over anchors of the mean over their pairs. */
export type Normalizer = "global" | "anchor";

/** Weights `[N, M]` (below 0: left out) to their sums per row and the rows' shares, both `[N]`. */
export function pairNormalizer(
  tape: Tape,
  w: Tensor,
  normalizer: Normalizer,
): { total: Tensor; share: Tensor } {
  const [N, M] = w.shape;
  const total = tape.value([N]);
  const share = tape.value([N]);
  tape.launch({ code: rowsCode, bind: { w, total }, params: { M }, grid: [N] });
  tape.launch({
    code: anchorCode,
    constants: { ANCHOR: +(normalizer === "anchor") },
    bind: { total, share },
    params: { N },
    grid: [1],
  });
  return { total, share };
}
