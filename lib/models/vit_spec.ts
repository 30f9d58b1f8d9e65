/** ViT-Ti, S and B with patches of 16 pixels (Dosovitskiy et al. 2021; Touvron et al. 2021) under timm's names. */
import type { BackboneFamily, BackboneSpec } from "./backbone_spec.ts";
import { writeVitOnnx } from "./vit_onnx.ts";
import { DEPTH, HEAD, PATCH, type VitName, VITS } from "./vit_sizes.ts";
import { detectVit } from "./vit_weights.ts";

const family: BackboneFamily = {
  title: "vision transformer",
  signature: "patch_embed.proj.weight [width, channels, 16, 16]",
  detect: detectVit,
  stride: PATCH,
  timm: {
    first_conv: "patch_embed.proj",
    name: (name) => `${name}_224`,
    pool: "token",
  },
  exportOnnx: writeVitOnnx,
};

function spec(name: VitName, title: string, about: string): BackboneSpec {
  const { heads } = VITS[name];
  const tokens = ({ height, width }: { height: number; width: number }) =>
    1 + Math.floor(height / PATCH) * Math.floor(width / PATCH);
  return {
    title,
    about,
    family,
    width: { published: heads * HEAD, least: heads * 4, most: heads * HEAD, multipleOf: heads * 4 },
    features: (width) => width,
    multiplyAdds(width, size) {
      const T = tokens(size);
      const block = 12 * T * width ** 2 + 2 * T ** 2 * width;
      return (DEPTH * block + T * width * PATCH ** 2 * 3) / 1e9;
    },
    parameters: (width) => DEPTH * 12 * width ** 2 + width * PATCH ** 2 * 3,
    // Chen, Xie and He 2021 (arXiv 2104.02057), section 3.
    hidden: 4096,
    head: "head",
    isNorm: (name) => /(^|\.)norm\d?\./.test(name),
    decays: (name, dimensions) => dimensions > 1 && !/(^|\.)(pos_embed|cls_token)$/.test(name),
    map: "tokens",
    heads,
    precision: "f32",
    sizes({ height, width }) {
      if (height % PATCH === 0 && width % PATCH === 0) return undefined;
      return `height and width must be multiples of ${PATCH}, not ${height} and ${width}`;
    },
  };
}

export const vit: Record<VitName, BackboneSpec> = {
  vit_tiny_patch16: spec(
    "vit_tiny_patch16",
    "ViT-Ti/16",
    "Vision transformer of patches of 16 pixels; 5.5 million weights.",
  ),
  vit_small_patch16: spec(
    "vit_small_patch16",
    "ViT-S/16",
    "Vision transformer of patches of 16 pixels; 22 million weights.",
  ),
  vit_base_patch16: spec(
    "vit_base_patch16",
    "ViT-B/16",
    "Vision transformer of patches of 16 pixels; 86 million weights.",
  ),
};
