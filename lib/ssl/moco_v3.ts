/**
 * MoCo v3, Chen, Xie and He 2021 (arXiv 2104.02057), algorithm 1, with weighted pairs of images. Heads are
 * those that it has for vision transformers: a projector of three layers and a predictor of two.
 */
import { pairLogits } from "@/gpu/ops/contrast.ts";
import { l2Normalize } from "@/gpu/ops/l2_normalize.ts";
import { softmaxLoss } from "@/gpu/ops/softmax_loss.ts";
import { weightedSum } from "@/gpu/ops/weighted_sum.ts";
import type { Tape } from "@/gpu/tape.ts";
import type { Tensor } from "@/gpu/tensor.ts";
import { head, type Layer } from "@/lib/models/heads.ts";
import type { Built, MethodInput } from "./method.ts";
import type { MocoV3Config } from "./moco_v3_spec.ts";
import { targetMomentum } from "./momentum.ts";
import { embedViews, viewsOf } from "./two_views.ts";

export function mocoV3(tape: Tape, input: MethodInput, config: MocoV3Config): Built {
  const { encoder, images: N } = input;
  const { projector, predictor } = mocoV3Heads(config);
  const v = viewsOf(input);
  const { y, z } = embedViews(tape, encoder, v, projector);
  const q = z.map((z) => l2Normalize(tape, head(tape, z, predictor, { prefix: "predictor." })));
  const target = embedViews(tape, encoder, v, projector, "target.");
  const k = target.z.map((z) => l2Normalize(tape, z));
  const loss = mocoV3Loss(tape, q, k, input.weights(N), config);
  return {
    ...{ loss, output: z[0], embeddings: z, features: y },
    momentum: (step, steps) => targetMomentum(config.momentum, step, steps),
  };
}

/**
 * 2 tau times the cross-entropy of each view's queries against the other view's keys; `[1]`.
 * @param q of either view, `[N, D]`, rows of length 1
 * @param k likewise, constants
 * @param A `[N, N]` weights in [0, 1]
 */
export function mocoV3Loss(
  tape: Tape,
  q: Tensor[],
  k: Tensor[],
  A: Tensor,
  { temperature, normalizer }: Pick<MocoV3Config, "temperature" | "normalizer">,
): Tensor {
  const contrast = (a: number, b: number) =>
    softmaxLoss(tape, pairLogits(tape, q[a], k[b], temperature), A, { normalizer });
  return weightedSum(
    tape,
    [contrast(0, 1), contrast(1, 0)].map((x) => ({ x, weight: 2 * temperature })),
  );
}

/** Batch norm after every layer, without an affine map after the last ones. */
export function mocoV3Heads({ hidden, output }: { hidden: number; output: number }) {
  const inner: Layer = { size: hidden, bias: false, norm: "affine", relu: true };
  const last: Layer = { size: output, bias: false, norm: "plain" };
  return { projector: [inner, inner, last], predictor: [inner, last] };
}
