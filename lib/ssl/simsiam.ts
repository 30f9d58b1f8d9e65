/** SimSiam, Chen and He 2021 (arXiv 2011.10566), algorithm 1, with weighted pairs of images. */
import { pairLoss } from "@/gpu/ops/pair_loss.ts";
import type { Tape } from "@/gpu/tape.ts";
import { head, type Layer } from "@/lib/models/heads.ts";
import type { Built, MethodInput } from "./method.ts";
import type { SimsiamConfig } from "./simsiam_spec.ts";

const groups = 2;

export function simsiam(tape: Tape, input: MethodInput, config: SimsiamConfig): Built {
  const { encoder, images } = input;
  const { projector, predictor } = simsiamHeads({
    size: config.projector,
    hidden: config.predictor_hidden,
  });
  const v = input.views([0, 1]); // [2N, S, S, 4]
  const y = encoder.apply(tape, v, { prefix: "backbone.", groups }); // [2N, F]
  const z = head(tape, y, projector, { prefix: "projector.", groups }); // [2N, D]
  const p = head(tape, z, predictor, { prefix: "predictor.", groups });
  const A = input.weights(images); // [N, N]
  // 0.5 [head(p1, sg z2) + head(p2, sg z1)]: the mean of the two.
  const loss = pairLoss(tape, p, z, A, { scale: 1, normalizer: config.normalizer });
  const predicts = (name: string) => name.startsWith("predictor.");
  return {
    ...{ loss, output: z, embeddings: [z], features: y },
    ...(config.fixed_predictor_rate && { fixedRate: predicts }),
  };
}

/** Projector of one width, and a narrow predictor. */
export function simsiamHeads({ size, hidden }: { size: number; hidden: number }) {
  const inner: Layer = { size, bias: false, norm: "affine", relu: true };
  return {
    projector: [inner, inner, { size, bias: false, norm: "plain" }] as Layer[],
    predictor: [{ ...inner, size: hidden }, { size }] as Layer[],
  };
}
