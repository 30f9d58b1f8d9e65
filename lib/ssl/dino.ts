/**
 * DINO, Caron et al. 2021 (arXiv 2104.14294), section 3.1, over two views without local crops, with
 * weighted pairs of images. The last layer's rows have length 1; the teacher's temperature stays one.
 */
import { pairLogits } from "@/gpu/ops/contrast.ts";
import { distillation } from "@/gpu/ops/distillation.ts";
import { l2Normalize } from "@/gpu/ops/l2_normalize.ts";
import type { Tape } from "@/gpu/tape.ts";
import type { Tensor } from "@/gpu/tensor.ts";
import { head, type Layer } from "@/lib/models/heads.ts";
import type { DinoConfig } from "./dino_spec.ts";
import type { Built, MethodInput } from "./method.ts";
import { targetMomentum } from "./momentum.ts";

/** Each view is normalised by its own batch statistics, where the backbone has any. */
const groups = 2;

export function dino(tape: Tape, input: MethodInput, config: DinoConfig): Built {
  const { encoder, images } = input;
  const { bottleneck, prototypes: K } = config;
  const layers = dinoHead(config);
  const embed = (x: Tensor, network: string, temperature: number) => {
    const y = encoder.apply(tape, x, { prefix: `${network}backbone.`, groups }); // [2N, F]
    const z = l2Normalize(tape, head(tape, y, layers, { prefix: `${network}projector.` }));
    const w = tape.parameter(`${network}prototypes.weight`, [K, bottleneck], {
      initial: { kind: "uniform", bound: 1 / Math.sqrt(bottleneck) },
    });
    return { y, z, logits: pairLogits(tape, z, l2Normalize(tape, w), temperature) }; // [2N, K]
  };
  const v = input.views([0, 1]); // [2N, S, S, 4]
  const { y, z, logits: s } = embed(v, "", config.student_temperature);
  const { logits: t } = embed(v, "target.", 1);
  const A = input.weights(images); // [N, N]
  const loss = distillation(tape, s, t, A, {
    temperature: config.teacher_temperature,
    centerMomentum: config.center_momentum,
    normalizer: config.normalizer,
  });
  return {
    ...{ loss, output: z, embeddings: [z], features: y },
    momentum: (step, steps) => targetMomentum(config.momentum, step, steps),
  };
}

/** Three layers to the bottleneck, without batch norms. */
export function dinoHead(
  { hidden, bottleneck }: { hidden: number; bottleneck: number },
): Layer[] {
  const inner: Layer = { size: hidden, gelu: true };
  return [inner, inner, { size: bottleneck }];
}
