/** BYOL, Grill et al. 2020 (arXiv 2006.07733), section 3, with weighted pairs of images. */
import { pairLoss } from "@/gpu/ops/pair_loss.ts";
import type { Tape } from "@/gpu/tape.ts";
import type { Tensor } from "@/gpu/tensor.ts";
import { head, type Layer } from "@/lib/models/heads.ts";
import type { ByolConfig } from "./byol_spec.ts";
import type { Built, MethodInput } from "./method.ts";
import { targetMomentum } from "./momentum.ts";

/** Each view is normalised by its own batch statistics. */
const groups = 2;

export function byol(tape: Tape, input: MethodInput, config: ByolConfig): Built {
  const { encoder, images } = input;
  const { projector, predictor } = byolHeads({
    hidden: config.hidden ?? encoder.hidden,
    predictorHidden: config.hidden ?? encoder.predictorHidden,
    output: config.output,
  });
  const embed = (x: Tensor, network: string) => {
    const y = encoder.apply(tape, x, { prefix: `${network}backbone.`, groups }); // [2N, F]
    const z = head(tape, y, projector, { prefix: `${network}projector.`, groups }); // [2N, D]
    return { y, z };
  };
  const v = input.views([0, 1]); // [2N, S, S, 4]
  const { y, z } = embed(v, "");
  const p = head(tape, z, predictor, { prefix: "predictor.", groups });
  const t = embed(v, "target.").z;
  const A = input.weights(images); // [N, N]
  // 2 [head(p1, t2) + head(p2, t1)]: four times the mean of the two.
  const loss = pairLoss(tape, p, t, A, { scale: 4, normalizer: config.normalizer });
  return {
    loss,
    output: z,
    embeddings: [z],
    features: y,
    momentum: (step, steps) => targetMomentum(config.momentum, step, steps),
  };
}

/** Projector and predictor, which are alike but for their hidden width. */
export function byolHeads(
  { hidden, predictorHidden = hidden, output }: {
    hidden: number;
    predictorHidden?: number;
    output: number;
  },
) {
  const layers = (hidden: number): Layer[] => [
    { size: hidden, norm: "affine", relu: true },
    { size: output },
  ];
  return { projector: layers(hidden), predictor: layers(predictorHidden) };
}
