/**
 * VICReg, Bardes, Ponce and LeCun 2022 (arXiv 2105.04906), section 4, with weighted pairs of images in its
 * invariance. As in the authors' code, which their weights belong to, the variance is the mean of both
 * views' terms and the covariance their sum.
 */
import { pairDistance } from "@/gpu/ops/pair_distance.ts";
import { center, columnProducts, stdHinge, targetSquares } from "@/gpu/ops/redundancy.ts";
import { weightedSum } from "@/gpu/ops/weighted_sum.ts";
import type { Tape } from "@/gpu/tape.ts";
import type { Tensor } from "@/gpu/tensor.ts";
import { expander } from "./expander.ts";
import type { Built, MethodInput } from "./method.ts";
import { embedViews, viewsOf } from "./two_views.ts";
import type { VicregConfig } from "./vicreg_spec.ts";

export function vicreg(tape: Tape, input: MethodInput, config: VicregConfig): Built {
  const layers = expander(config.projector, { bias: true });
  const { y, z } = embedViews(tape, input.encoder, viewsOf(input), layers);
  const A = input.weights(input.images); // [N, N]
  return { loss: vicregLoss(tape, z, A, config), output: z[0], embeddings: z, features: y };
}

/**
 * invariance over pairs + variance + covariance; `[1]`.
 * @param z of either view, `[N, D]`
 * @param A `[N, N]` weights in [0, 1], symmetric
 */
export function vicregLoss(
  tape: Tape,
  z: [Tensor, Tensor],
  A: Tensor,
  config: Omit<VicregConfig, "projector">,
): Tensor {
  const [N, D] = z[0].shape;
  const { normalizer } = config;
  const distance = (a: 0 | 1, b: 0 | 1) => pairDistance(tape, z[a], z[b], A, { normalizer });
  const invariance = [distance(0, 1), distance(1, 0)].map((x) => ({
    x,
    weight: config.invariance_weight / 2,
  }));
  const spread = z.flatMap((rows) => {
    const centred = center(tape, rows);
    const covariance = columnProducts(tape, centred, centred, 1 / (N - 1)); // [D, D]
    const squares = targetSquares(tape, covariance, { on: 0, goal: 0, off: 1, scale: 1 / D });
    return [
      { x: stdHinge(tape, centred), weight: config.variance_weight / 2 },
      { x: squares, weight: config.covariance_weight },
    ];
  });
  return weightedSum(tape, [...invariance, ...spread]);
}
