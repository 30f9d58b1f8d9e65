/**
 * Barlow Twins, Zbontar et al. 2021 (arXiv 2103.03230), equation 1. The cross-correlation of two views is
 * taken over weighted pairs of images: C = sum_ij A_ij z_i z'_j^T / sum_ij A_ij, both sides normalised over
 * the batch; with A the identity it is the paper's.
 */
import { batchNorm, declareBatchNorm } from "@/gpu/ops/batch_norm.ts";
import { pairSums } from "@/gpu/ops/pair_distance.ts";
import { columnProducts, targetSquares } from "@/gpu/ops/redundancy.ts";
import type { Tape } from "@/gpu/tape.ts";
import type { Tensor } from "@/gpu/tensor.ts";
import type { BarlowTwinsConfig } from "./barlow_twins_spec.ts";
import { expander } from "./expander.ts";
import type { Built, MethodInput } from "./method.ts";
import { embedViews, viewsOf } from "./two_views.ts";

export function barlowTwins(tape: Tape, input: MethodInput, config: BarlowTwinsConfig): Built {
  const layers = expander(config.projector, { bias: false });
  const { y, z } = embedViews(tape, input.encoder, viewsOf(input), layers);
  const A = input.weights(input.images); // [N, N]
  return { loss: barlowTwinsLoss(tape, z, A, config), output: z[0], embeddings: z, features: y };
}

/**
 * scale [sum_d (C_dd - 1)^2 + lambda sum_(d != e) C_de^2]; `[1]`.
 * @param z of either view, `[N, D]`
 * @param A `[N, N]` weights in [0, 1], symmetric
 */
export function barlowTwinsLoss(
  tape: Tape,
  z: [Tensor, Tensor],
  A: Tensor,
  { redundancy_weight: off, scale }: Omit<BarlowTwinsConfig, "projector">,
): Tensor {
  const norm = declareBatchNorm(tape, "bn", z[0].shape[1], { affine: false });
  const [a, b] = z.map((rows) => batchNorm(tape, rows, norm));
  const correlation = columnProducts(tape, a, pairSums(tape, A, b), 1); // [D, D]
  return targetSquares(tape, correlation, { on: 1, goal: 1, off, scale });
}
