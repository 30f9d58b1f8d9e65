/** The wide projector of VICReg and Barlow Twins, and two views through it. */
import type { Tape } from "@/gpu/tape.ts";
import type { Tensor } from "@/gpu/tensor.ts";
import { head, type Layer } from "@/lib/models/heads.ts";
import type { MethodInput } from "./method.ts";

/** Three linear layers of one width, batch norm and ReLU after the first two, the last without a bias. */
export function expander(size: number, { bias }: { bias: boolean }): Layer[] {
  const inner: Layer = { size, bias, norm: "affine", relu: true };
  return [inner, inner, { size, bias: false }];
}

/**
 * Features `[N, F]` of view 0, and embeddings `[N, D]` of each view, which has batch statistics of its own.
 */
export function twoViews(
  tape: Tape,
  { encoder, views }: MethodInput,
  layers: Layer[],
): { y: Tensor; z: [Tensor, Tensor] } {
  const embed = (view: number) => {
    const y = encoder.apply(tape, views([view]), { prefix: "backbone." }); // [N, F]
    return { y, z: head(tape, y, layers, { prefix: "projector." }) }; // [N, D]
  };
  const [first, second] = [embed(0), embed(1)];
  return { y: first.y, z: [first.z, second.z] };
}
