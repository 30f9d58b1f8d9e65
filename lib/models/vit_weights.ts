/** A vision transformer's weights in a file from elsewhere, under timm's names. */
import { InvalidInput } from "@/lib/errors.ts";
import type { Architecture, Detected, Weights } from "./backbone_spec.ts";
import { refuseOthers } from "./expected_weights.ts";
import { chosenPrefix, ownerOf } from "./weight_prefix.ts";
import { DEPTH, HEAD, PATCH, type VitName, VITS } from "./vit_sizes.ts";

const STEM = "patch_embed.proj.weight";

/** What training scripts put beside it under the same prefix: heads, decoders of masked pictures, queues. */
const BESIDE =
  /^(head\.(?!weight$|bias$)|heads?_|heads\.|(\w*project(or|ion)\w*|\w*predict(or|ion)\w*|mlp|prototypes)\.|decoder|mask_token$|masked_embed$|queue)/i;

/**
 * The vision transformer in a file, without heads and copies around it (`module.base_encoder.`, `teacher.`,
 * `backbone.`); undefined where none is in it.
 * @param prefix what stands in front of the wanted network's names; needed where there are several
 * @param named the backbone as the file itself calls it: of widths that none is published with, the heads
 *     cannot be told from the shapes
 * @throws {InvalidInput} when there are several and none is named, or one that cannot be run
 */
export function detectVit(
  weights: Weights,
  prefix?: string,
  named?: string,
): Detected | undefined {
  const prefixes = [...weights.keys()].filter((name) => name.endsWith(STEM))
    .map((name) => name.slice(0, -STEM.length));
  if (prefixes.length === 0) return undefined;
  const chosen = chosenPrefix(prefixes, prefix);
  const network: Weights = new Map();
  const leftOut: string[] = [], heads: string[] = [];
  for (const [name, weight] of weights) {
    const own = ownerOf(prefixes, name) === chosen ? name.slice(chosen.length) : undefined;
    if (own !== undefined && !BESIDE.test(own)) {
      network.set(own, weight);
      continue;
    }
    leftOut.push(name);
    if (own !== undefined) heads.push(name);
  }
  // A lone bias, or a head that is none of linear layers, is no classifier.
  if (network.get("head.weight")?.shape.length !== 2 || !network.has("head.bias")) {
    for (const name of ["head.weight", "head.bias"]) {
      if (!network.delete(name)) continue;
      leftOut.push(chosen + name);
      heads.push(chosen + name);
    }
  }
  return { network, prefix: chosen, leftOut, heads, architecture: architectureOf(network, named) };
}

function architectureOf(network: Weights, named?: string): Architecture {
  const stem = network.get(STEM)!.shape;
  if (stem.length !== 4 || stem[2] !== PATCH || stem[3] !== PATCH) {
    throw new InvalidInput(
      `Cannot use these weights: ${STEM} has shape [${
        stem.join(", ")
      }], and patches of ${PATCH} x ${PATCH} ` +
        "pixels are needed",
    );
  }
  const [width, channels] = stem;
  if (channels !== 1 && channels !== 3) {
    throw new InvalidInput(`Cannot use these weights: 1 or 3 channels are needed, not ${channels}`);
  }
  const names = Object.keys(VITS) as VitName[];
  const backbone = names.find((name) => name === named) ??
    names.find((name) => VITS[name].heads * HEAD === width);
  if (!backbone) {
    throw new InvalidInput(
      `Cannot use these weights: a width of ${width} is none of ${
        names.map((name) => `${name} (${VITS[name].heads * HEAD})`).join(", ")
      }, so its number of heads is not known`,
    );
  }
  const tokens = network.get("pos_embed")?.shape[1] ?? 0;
  const outputs = network.get("head.weight")?.shape[0] ?? 0;
  refuseOthers(network, shapesOf({ width, channels, outputs, tokens }), backbone);
  return { backbone, width, channels, outputs };
}

/** Every tensor of a network in PyTorch's shapes, by timm's names. */
function shapesOf(
  { width, channels, outputs, tokens }: {
    width: number;
    channels: number;
    outputs: number;
    tokens: number;
  },
): Map<string, number[]> {
  const shapes = new Map<string, number[]>([
    ["cls_token", [1, 1, width]],
    ["pos_embed", [1, tokens, width]],
    [STEM, [width, channels, PATCH, PATCH]],
    ["patch_embed.proj.bias", [width]],
  ]);
  const layer = (name: string, K: number, C?: number) => {
    shapes.set(`${name}.weight`, C === undefined ? [K] : [K, C]);
    shapes.set(`${name}.bias`, [K]);
  };
  for (let block = 0; block < DEPTH; block++) {
    const name = `blocks.${block}`;
    layer(`${name}.norm1`, width);
    layer(`${name}.attn.qkv`, 3 * width, width);
    layer(`${name}.attn.proj`, width, width);
    layer(`${name}.norm2`, width);
    layer(`${name}.mlp.fc1`, 4 * width, width);
    layer(`${name}.mlp.fc2`, width, 4 * width);
  }
  layer("norm", width);
  if (outputs > 0) layer("head", outputs, width);
  return shapes;
}
