/** Sizes of the vision transformers that differ in nothing else. */

export const VITS = {
  vit_tiny_patch16: { heads: 3 },
  vit_small_patch16: { heads: 6 },
  vit_base_patch16: { heads: 12 },
};

export type VitName = keyof typeof VITS;

export const DEPTH = 12;
/** Side of a patch in pixels. */
export const PATCH = 16;
/** Width of a head in the published networks. */
export const HEAD = 64;
