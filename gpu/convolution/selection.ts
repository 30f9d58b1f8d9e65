/** Which variant computes a pass of a shape: the tuned one, or the first that is made for it. */
import type { Gpu } from "../device.ts";
import type { Precision } from "../tensor.ts";
import {
  subgroupBackwardData,
  subgroupBackwardWeight,
  subgroupForward,
  subgroupMultiply,
} from "./subgroup.ts";
import { directBackwardData, directBackwardWeight, directForward } from "./direct.ts";
import { type ConvolutionShape, nameOf, outputSize } from "./shape.ts";
import {
  type Tile,
  tiledBackwardData,
  tiledBackwardWeight,
  tiledForward,
  tiledMultiply,
} from "./tiled.ts";
import type { Pass, Variant } from "./variant.ts";
import { winogradBackwardData, winogradForward } from "./winograd.ts";

const small: Tile = { TX: 8, TY: 8, COLS: 4, ROWS: 4 };
const medium: Tile = { TX: 8, TY: 8, COLS: 8, ROWS: 8 };
const large: Tile = { TX: 16, TY: 16, COLS: 8, ROWS: 8 };
const vectors: Tile = { ...medium, vectors: true };
const wide: Tile = { ...vectors, TX: 16 };
const largest: Tile = { ...large, vectors: true };

/** All variants by the name that tuning keeps. */
export const variants: { [P in Pass]: Record<string, Variant<P>> } = {
  forward: {
    "subgroup 4 images": subgroupForward(4, "images"),
    "subgroup 4 row": subgroupForward(4, "row"),
    "subgroup 2 images": subgroupForward(2, "images"),
    "subgroup 2 row": subgroupForward(2, "row"),
    "subgroup 1 images": subgroupForward(1, "images"),
    "direct": directForward,
    "tiled 32": tiledForward(small),
    "tiled 64": tiledForward(medium),
    "tiled 128": tiledForward(large),
    "vectors 64": tiledForward(vectors),
    "vectors 64 by 128": tiledForward(wide),
    "vectors 128": tiledForward(largest),
    "winograd subgroup": winogradForward(subgroupMultiply),
    "winograd 64": winogradForward(tiledMultiply(vectors)),
    "winograd 128": winogradForward(tiledMultiply(largest)),
  },
  backward_data: {
    "subgroup 4 images": subgroupBackwardData(4, "images"),
    "subgroup 4 row": subgroupBackwardData(4, "row"),
    "subgroup 2 images": subgroupBackwardData(2, "images"),
    "subgroup 2 row": subgroupBackwardData(2, "row"),
    "subgroup 1 images": subgroupBackwardData(1, "images"),
    "direct": directBackwardData,
    "tiled 32": tiledBackwardData(small),
    "tiled 64": tiledBackwardData(medium),
    "tiled 128": tiledBackwardData(large),
    "vectors 64": tiledBackwardData(vectors),
    "vectors 64 by 128": tiledBackwardData(wide),
    "vectors 128": tiledBackwardData(largest),
    "winograd subgroup": winogradBackwardData(subgroupMultiply),
    "winograd 64": winogradBackwardData(tiledMultiply(vectors)),
    "winograd 128": winogradBackwardData(tiledMultiply(largest)),
  },
  backward_weight: {
    "subgroup 4 images": subgroupBackwardWeight(4, "images"),
    "subgroup 4 row": subgroupBackwardWeight(4, "row"),
    "subgroup 2 images": subgroupBackwardWeight(2, "images"),
    "subgroup 2 row": subgroupBackwardWeight(2, "row"),
    "direct": directBackwardWeight,
    "tiled 32": tiledBackwardWeight(small),
    "tiled 64": tiledBackwardWeight(medium),
    "tiled 128": tiledBackwardWeight(large),
    "vectors 64": tiledBackwardWeight(vectors),
    "vectors 64 by 128": tiledBackwardWeight(wide),
    "vectors 128": tiledBackwardWeight(largest),
  },
};

/** Names of the variants that were measured to be fastest, by `keyOf` of the pass. */
export type SelectedVariants = Record<string, string>;

/** What the variant of a pass is kept under. */
export function keyOf(
  pass: Pass,
  shape: ConvolutionShape,
  precision: Precision = "f32",
): string {
  return `${pass} ${nameOf(shape)}${precision === "f32" ? "" : ` ${precision}`}`;
}

/** Names of the variants that can compute a pass of a shape on this device, over maps of a precision. */
export function candidates(
  gpu: Gpu,
  pass: Pass,
  shape: ConvolutionShape,
  precision: Precision = "f32",
): string[] {
  return Object.keys(variants[pass])
    .filter((name) => variants[pass][name].fits(gpu, shape, precision));
}

/** Name of the tuned variant of a pass, or of a default that depends on shape and adapter only. */
export function selectVariant(
  gpu: Gpu,
  pass: Pass,
  shape: ConvolutionShape,
  { selected = {}, precision = "f32" }: { selected?: SelectedVariants; precision?: Precision } = {},
): string {
  const possible = candidates(gpu, pass, shape, precision);
  const wanted = [selected[keyOf(pass, shape, precision)], ...defaults(gpu, pass, shape)];
  const name = wanted.find((name) => possible.includes(name));
  if (name) return name;
  throw new Error(`Cannot append conv2d: no kernel for ${nameOf(shape)} on this adapter`);
}

/** Best first. */
function defaults(gpu: Gpu, pass: Pass, shape: ConvolutionShape): string[] {
  const any = ["direct", "tiled 64", "tiled 32"];
  return gpu.info.software
    ? [subgroupFor(pass, shape), "subgroup 4 row", ...any]
    : [tiledFor(pass, shape), "vectors 64", "tiled 64", "tiled 32", "direct"];
}

/** Large tiles read less, where they are filled and there are enough of them for all cores of a GPU. */
function tiledFor(pass: Pass, shape: ConvolutionShape): string {
  const { N, H, W, C, K, S } = shape;
  const { P, Q } = outputSize(shape);
  const [columns, rows] = {
    forward: [K, N * P * Q],
    backward_data: [C, N * H * W],
    backward_weight: [K, S * C],
  }[pass];
  if (columns <= 32) return "tiled 32";
  const tiles = Math.floor(columns / 128) * Math.floor(rows / 128);
  return tiles >= (pass === "backward_weight" ? 1 : 256) ? "vectors 128" : "vectors 64";
}

function subgroupFor(pass: Pass, shape: ConvolutionShape): string {
  const { N, C, K, R, S } = shape;
  const { P, Q } = outputSize(shape);
  // Fewer multiplications outweigh the transformations from here on; who cannot compute it has the next.
  if (pass !== "backward_weight" && R * S === 9 && Math.min(C, K) >= 128 && N * P * Q >= 4096) {
    return "winograd subgroup";
  }
  if (pass === "backward_weight") {
    return `subgroup 4 ${Q <= 4 && N >= Q ? "images" : "row"}`;
  }
  // With few images, or few pixels, a workgroup's pixels share a place and leave out what lies outside.
  return `subgroup 4 ${R * S > 1 && (N <= 8 || P * Q <= 4) ? "images" : "row"}`;
}
