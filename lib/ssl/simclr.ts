/**
 * SimCLR, Chen et al. 2020 (arXiv 2002.05709). When A means the same class it is SupCon (arXiv 2004.11362),
 * equation 2 by the mean per anchor.
 */
import { viewContrast } from "@/gpu/ops/contrast.ts";
import { l2Normalize } from "@/gpu/ops/l2_normalize.ts";
import type { Tape } from "@/gpu/tape.ts";
import { head, type Layer } from "@/lib/models/heads.ts";
import type { Built, MethodInput } from "./method.ts";
import type { SimclrConfig } from "./simclr_spec.ts";

export function simclr(tape: Tape, input: MethodInput, config: SimclrConfig): Built {
  const { encoder, images } = input;
  const projector = simclrProjector({ features: encoder.features, output: config.output });
  const v = input.views([0, 1]); // [2N, S, S, 4]
  const y = encoder.apply(tape, v, { prefix: "backbone." }); // [2N, F]
  const z = l2Normalize(tape, head(tape, y, projector, { prefix: "projector." })); // [2N, D]
  const A = input.weights(images); // [N, N]
  const loss = viewContrast(tape, z, A, config);
  return { loss, output: z, embeddings: [z], features: y };
}

/** As wide as the features. */
export function simclrProjector(
  { features, output }: { features: number; output: number },
): Layer[] {
  return [
    { size: features, bias: false, norm: "affine", relu: true },
    { size: output, bias: false, norm: "affine" },
  ];
}
