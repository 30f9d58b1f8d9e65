/** MoCo v2, Chen et al. 2020 (arXiv 2003.04297), with positives from the queue. */
import { queueContrast } from "@/gpu/ops/contrast.ts";
import { keyQueue } from "@/gpu/ops/key_queue.ts";
import { l2Normalize } from "@/gpu/ops/l2_normalize.ts";
import type { Tape } from "@/gpu/tape.ts";
import type { Tensor } from "@/gpu/tensor.ts";
import { head, type Layer } from "@/lib/models/heads.ts";
import type { Built, MethodInput } from "./method.ts";
import type { MocoConfig } from "./moco_spec.ts";

export function moco(tape: Tape, input: MethodInput, config: MocoConfig): Built {
  const { encoder, images: N } = input;
  const { queue: slots, momentum, stale_keys } = config;
  const projector = mocoProjector({ features: encoder.features, output: config.output });
  const embed = (x: Tensor, network: string, groups: number) => {
    const y = encoder.apply(tape, x, { prefix: `${network}backbone.`, groups }); // [N, F]
    const z = head(tape, y, projector, { prefix: `${network}projector.`, groups }); // [N, D]
    return { y, z: l2Normalize(tape, z) };
  };
  const { y, z: q } = embed(input.views([0]), "", 1);
  const { z: k } = embed(input.views([1]), "target.", groupsOf(N, config.split_batch_norm));
  const keys = keyQueue(tape, k, { slots }); // [M + N, D]
  const A = input.weights(slots); // [N, M]
  const loss = queueContrast(tape, q, keys, A, config);
  return {
    ...{ loss, output: q, embeddings: [q, k], features: y },
    momentum: () => momentum,
    queue: { slots, stale_keys },
  };
}

/** Parts of a batch of at least `least` images each; as many as divide it. */
export function groupsOf(images: number, least: number | null): number {
  if (least === null) return 1;
  let groups = Math.max(1, Math.floor(images / least));
  while (images % groups !== 0) groups--;
  return groups;
}

/** As wide as the features. */
export function mocoProjector(
  { features, output }: { features: number; output: number },
): Layer[] {
  return [{ size: features, relu: true }, { size: output }];
}
