/** What tells that a network's outputs have collapsed (`std_of_l2_normalized` of SimSiam's authors and of lightly). */
import code from "@/kernels/std_of_l2_normalized.wgsl" with { type: "text" };
import type { Tape } from "../tape.ts";
import type { Tensor } from "../tensor.ts";
import { l2Normalize } from "./l2_normalize.ts";

/**
 * Mean over the dimensions of the standard deviation of the L2-normalised rows, to be recorded:
 * 1 / sqrt(D) when they spread evenly, 0 when they have collapsed. `[N, D] -> [1]`, no gradient.
 */
export function stdOfL2Normalized(tape: Tape, z: Tensor): Tensor {
  const [N, D] = z.shape;
  const x = l2Normalize(tape, tape.stopGradient(z));
  const y = tape.value([1]);
  tape.launch({ code, bind: { x, y }, params: { N, D }, grid: [1] });
  return y;
}
