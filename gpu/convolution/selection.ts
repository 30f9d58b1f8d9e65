/** Which variant computes a pass of a shape: the tuned one, or the first that is made for it. */
import type { Gpu } from "../device.ts";
import type { Precision } from "../tensor.ts";
import { lanesData, lanesForward, lanesMultiply, lanesWeight } from "./subgroup.ts";
import { plainData, plainForward, plainWeight } from "./direct.ts";
import { type ConvolutionShape, nameOf, outputSize } from "./shape.ts";
import { type Tile, tiledData, tiledForward, tiledMultiply, tiledWeight } from "./tiled.ts";
import type { Pass, Variant } from "./variant.ts";
import { winogradData, winogradForward } from "./winograd.ts";

const small: Tile = { TX: 8, TY: 8, COLS: 4, ROWS: 4 };
const medium: Tile = { TX: 8, TY: 8, COLS: 8, ROWS: 8 };
const large: Tile = { TX: 16, TY: 16, COLS: 8, ROWS: 8 };
const vectors: Tile = { ...medium, vectors: true };
const wide: Tile = { ...vectors, TX: 16 };
const largest: Tile = { ...large, vectors: true };

/** All variants by the name that tuning keeps. */
export const variants: { [P in Pass]: Record<string, Variant<P>> } = {
  forward: {
    "lanes 4 images": lanesForward(4, "images"),
    "lanes 4 row": lanesForward(4, "row"),
    "lanes 2 images": lanesForward(2, "images"),
    "lanes 2 row": lanesForward(2, "row"),
    "lanes 1 images": lanesForward(1, "images"),
    "plain": plainForward,
    "tiled 32": tiledForward(small),
    "tiled 64": tiledForward(medium),
    "tiled 128": tiledForward(large),
    "vectors 64": tiledForward(vectors),
    "vectors 64 by 128": tiledForward(wide),
    "vectors 128": tiledForward(largest),
    "winograd lanes": winogradForward(lanesMultiply),
    "winograd 64": winogradForward(tiledMultiply(vectors)),
    "winograd 128": winogradForward(tiledMultiply(largest)),
  },
  data: {
    "lanes 4 images": lanesData(4, "images"),
    "lanes 4 row": lanesData(4, "row"),
    "lanes 2 images": lanesData(2, "images"),
    "lanes 2 row": lanesData(2, "row"),
    "lanes 1 images": lanesData(1, "images"),
    "plain": plainData,
    "tiled 32": tiledData(small),
    "tiled 64": tiledData(medium),
    "tiled 128": tiledData(large),
    "vectors 64": tiledData(vectors),
    "vectors 64 by 128": tiledData(wide),
    "vectors 128": tiledData(largest),
    "winograd lanes": winogradData(lanesMultiply),
    "winograd 64": winogradData(tiledMultiply(vectors)),
    "winograd 128": winogradData(tiledMultiply(largest)),
  },
  weight: {
    "lanes 4 images": lanesWeight(4, "images"),
    "lanes 4 row": lanesWeight(4, "row"),
    "lanes 2 images": lanesWeight(2, "images"),
    "lanes 2 row": lanesWeight(2, "row"),
    "plain": plainWeight,
    "tiled 32": tiledWeight(small),
    "tiled 64": tiledWeight(medium),
    "tiled 128": tiledWeight(large),
    "vectors 64": tiledWeight(vectors),
    "vectors 64 by 128": tiledWeight(wide),
    "vectors 128": tiledWeight(largest),
  },
};

/** Names of the variants that were measured to be fastest, by `keyOf`. */
export type Choices = Record<string, string>;

/** What a choice is kept under. */
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
export function choiceOf(
  gpu: Gpu,
  pass: Pass,
  shape: ConvolutionShape,
  { choices = {}, precision = "f32" }: { choices?: Choices; precision?: Precision } = {},
): string {
  const possible = candidates(gpu, pass, shape, precision);
  const wanted = [choices[keyOf(pass, shape, precision)], ...defaults(gpu, pass, shape)];
  const name = wanted.find((name) => possible.includes(name));
  if (name) return name;
  throw new Error(`Cannot append conv2d: no kernel for ${nameOf(shape)} on this adapter`);
}

/** Best first. */
function defaults(gpu: Gpu, pass: Pass, shape: ConvolutionShape): string[] {
  const any = ["plain", "tiled 64", "tiled 32"];
  return gpu.info.software
    ? [lanesFor(pass, shape), "lanes 4 row", ...any]
    : [tiledFor(pass, shape), "vectors 64", "tiled 64", "tiled 32", "plain"];
}

/** Large tiles read less, where they are filled and there are enough of them for all cores of a GPU. */
function tiledFor(pass: Pass, shape: ConvolutionShape): string {
  const { N, H, W, C, K, S } = shape;
  const { P, Q } = outputSize(shape);
  const [columns, rows] = {
    forward: [K, N * P * Q],
    data: [C, N * H * W],
    weight: [K, S * C],
  }[pass];
  if (columns <= 32) return "tiled 32";
  const tiles = Math.floor(columns / 128) * Math.floor(rows / 128);
  return tiles >= (pass === "weight" ? 1 : 256) ? "vectors 128" : "vectors 64";
}

function lanesFor(pass: Pass, shape: ConvolutionShape): string {
  const { N, C, K, R, S } = shape;
  const { P, Q } = outputSize(shape);
  // Fewer multiplications outweigh the transformations from here on; who cannot compute it has the next.
  if (pass !== "weight" && R * S === 9 && Math.min(C, K) >= 128 && N * P * Q >= 4096) {
    return "winograd lanes";
  }
  if (pass === "weight") {
    return `lanes 4 ${Q <= 4 && N >= Q ? "images" : "row"}`;
  }
  // With few images, or few pixels, a workgroup's pixels share a place and leave out what lies outside.
  return `lanes 4 ${R * S > 1 && (N <= 8 || P * Q <= 4) ? "images" : "row"}`;
}
