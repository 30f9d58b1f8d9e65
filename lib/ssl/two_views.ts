/** Two views through a network and its projector, each a batch of its own. */
import type { Tape } from "@/gpu/tape.ts";
import type { Tensor } from "@/gpu/tensor.ts";
import { head, type Layer } from "@/lib/models/heads.ts";
import type { Encoder, MethodInput } from "./method.ts";

/** Both views of the batch, `[N, S, S, 4]` each. */
export function viewsOf({ views }: MethodInput): [Tensor, Tensor] {
  return [views([0]), views([1])];
}

/**
 * Features `[N, F]` of view 0, and embeddings `[N, D]` of each view, which has batch statistics of its own.
 * @param network put in front of the parameters' names: "target."
 */
export function embedViews(
  tape: Tape,
  encoder: Encoder,
  v: [Tensor, Tensor],
  layers: Layer[],
  network = "",
): { y: Tensor; z: [Tensor, Tensor] } {
  const embed = (x: Tensor) => {
    const y = encoder.apply(tape, x, { prefix: `${network}backbone.` }); // [N, F]
    return { y, z: head(tape, y, layers, { prefix: `${network}projector.` }) }; // [N, D]
  };
  const [first, second] = [embed(v[0]), embed(v[1])];
  return { y: first.y, z: [first.z, second.z] };
}
