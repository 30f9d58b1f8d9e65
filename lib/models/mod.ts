/** The backbones on the GPU: one for every name of `specs.ts`, or the compiler says which is missing. */
import type { Backbone } from "./backbone.ts";
import { resnets } from "./resnet.ts";
import { type BackboneName, backboneSpec } from "./specs.ts";
import { vits } from "./vit.ts";

export const backbones: Record<BackboneName, Backbone> = {
  ...resnets,
  ...vits,
};

/** @throws {InvalidInput} when there is no such backbone */
export function backboneOf(name: string): Backbone {
  backboneSpec(name);
  return backbones[name as BackboneName];
}
