/** The contrastive methods by name: all that is known of them without their device code (`mod.ts`). */
import { byol } from "./byol_spec.ts";
import type { MethodSpec } from "./method_spec.ts";
import { moco } from "./moco_spec.ts";
import { simclr } from "./simclr_spec.ts";
import { simsiam } from "./simsiam_spec.ts";

export const methodSpecs = {
  byol,
  simsiam,
  moco,
  simclr,
} satisfies Record<string, MethodSpec>;

export type MethodName = keyof typeof methodSpecs;

/** The methods in a form that asks nothing of their configuration. */
export function methodSpec(name: MethodName): MethodSpec {
  return methodSpecs[name] as unknown as MethodSpec;
}
