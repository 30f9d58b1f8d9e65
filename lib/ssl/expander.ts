/** The wide projector of VICReg and Barlow Twins. */
import type { Layer } from "@/lib/models/heads.ts";

/** Three linear layers of one width, batch norm and ReLU after the first two, the last without a bias. */
export function expander(size: number, { bias }: { bias: boolean }): Layer[] {
  const inner: Layer = { size, bias, norm: "affine", relu: true };
  return [inner, inner, { size, bias: false }];
}
