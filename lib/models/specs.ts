/** The backbones by name: all that is known of them without their device code (`mod.ts`). */
import { InvalidInput } from "@/lib/errors.ts";
import type { BackboneSpec } from "./backbone_spec.ts";
import { resnet } from "./resnet_spec.ts";
import { vit } from "./vit_spec.ts";

export const backboneSpecs = {
  ...resnet,
  ...vit,
} satisfies Record<string, BackboneSpec>;

export type BackboneName = keyof typeof backboneSpecs;

/** @throws {InvalidInput} when there is no such backbone: a model came from another version */
export function backboneSpec(name: string): BackboneSpec {
  if (Object.hasOwn(backboneSpecs, name)) return backboneSpecs[name as BackboneName];
  throw new InvalidInput(
    `Cannot use backbone "${name}": the backbones are ${Object.keys(backboneSpecs).join(", ")}`,
  );
}

/** Every family once. */
export const families = [...new Set(Object.values(backboneSpecs).map(({ family }) => family))];
