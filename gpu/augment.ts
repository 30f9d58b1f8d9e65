/** Augmented, normalised views of images that lie on the GPU: geometry, colour, blur, solarise. */
import blurColumns from "@/kernels/augment_blur_columns.wgsl" with { type: "text" };
import blurRows from "@/kernels/augment_blur_rows.wgsl" with { type: "text" };
import finish from "@/kernels/augment_finish.wgsl" with { type: "text" };
import sample from "@/kernels/augment_sample.wgsl" with { type: "text" };
import { createBuffer, writeBuffer } from "./buffer.ts";
import type { Gpu } from "./device.ts";
import { kernel, type Launch, launch, release } from "./kernel.ts";

/** How one image is seen once. `neutralView` changes nothing. */
export interface View {
  /** Index into the images on the GPU. */
  image: number;
  /** Maps the view (sides 1, centre 0; x right, y down) into the image (sides 1): [xx, xy, yx, yy]. */
  matrix: [number, number, number, number];
  /** Centre of the view in the image, 0 to 1. */
  centre: [number, number];
  /** Values shown as black and as white. */
  window: [number, number];
  /** Factors; `contrast` is about the grey value `pivot`. */
  brightness: number;
  contrast: number;
  pivot: number;
  /** Factor of the chroma, and its turn in radians (YIQ); only for images of three channels. */
  saturation: number;
  hue: number;
  /** Standard deviation of the Gaussian blur, output pixels; 0 for none. */
  sigma: number;
  /** Values from here on are inverted; above 1 for none. */
  solarise: number;
}

export const neutralView: View = {
  image: 0,
  matrix: [1, 0, 0, 1],
  centre: [0.5, 0.5],
  window: [0, 1],
  brightness: 1,
  contrast: 1,
  pivot: 0.5,
  saturation: 1,
  hue: 0,
  sigma: 0,
  solarise: 2,
};

/** Images on the GPU: `[N, H, W, C]` 16-bit unorm in a buffer. */
export interface ImageBlock {
  buffer: GPUBuffer;
  height: number;
  width: number;
  channels: 1 | 3;
}

/** Height and width, pixels. */
export interface PixelSize {
  height: number;
  width: number;
}

export interface AugmentOptions {
  /** Views a launch makes: B. */
  batch: number;
  /** Of a view, pixels: P and Q. */
  size: PixelSize;
  /** Channels that the network looks at (grey is replicated to 3, colour becomes luma for 1). */
  channels: 1 | 3;
  normalization: { mean: number[]; std: number[] };
  /** Whether a view may blur; without it the two blur passes are left out. */
  blur: boolean;
  /** Receives [B, P, Q, 4] f32. */
  output: GPUBuffer;
}

/** The launches that make a batch of views, run as they stand in every step. */
export interface Augment {
  launches: Launch[];
  /** Sets the B views of the next run. */
  write(views: View[]): void;
  destroy(): void;
}

const FLOATS = 20;
const MOST_TAPS = 4;

/** Prepares the passes: sample and colour, blur along rows and columns, solarise and normalise. */
export function augment(gpu: Gpu, images: ImageBlock, options: AugmentOptions): Augment {
  const { batch, size, channels, normalization: { mean, std }, output } = options;
  const pixels = size.height * size.width;
  const sides = { P: size.height, Q: size.width };
  const rows = createBuffer(gpu, batch * FLOATS * 4, "views");
  const bytes = batch * pixels * 16;
  const a = createBuffer(gpu, bytes, "augment a");
  const b = options.blur ? createBuffer(gpu, bytes, "augment b") : undefined;
  const grid = [Math.ceil(pixels / 64), batch];
  const { height, width } = images;
  const pass = (
    code: string,
    x: GPUBuffer,
    y: GPUBuffer,
    params: Record<string, number | number[]>,
  ) => launch(gpu, kernel(gpu, code), { bind: { x, views: rows, y }, params, grid });
  const four = (value: (c: number) => number) =>
    Array.from({ length: 4 }, (_, c) => c < channels ? value(c) : 0);
  const launches = [
    pass(sample, images.buffer, a, {
      height,
      width,
      channels: images.channels,
      ...sides,
      channels_out: channels,
    }),
    ...(b ? [pass(blurRows, a, b, sides), pass(blurColumns, b, a, sides)] : []),
    pass(finish, a, output, {
      mean: four((c) => mean[c % mean.length]),
      inverse_std: four((c) => 1 / std[c % std.length]),
      pixels,
    }),
  ];
  return {
    launches,
    write(views) {
      if (views.length !== batch) {
        throw new Error(`Cannot augment: ${batch} views expected, got ${views.length}`);
      }
      const data = new Float32Array(batch * FLOATS);
      views.forEach((view, i) => data.set(encode(view, images, size), i * FLOATS));
      writeBuffer(gpu, rows, data);
    },
    destroy() {
      release(launches);
      for (const buffer of [rows, a, b]) buffer?.destroy();
    },
  };
}

/** Sub-samples per output pixel and axis: as many as image pixels it covers, 4 at most. */
export function tapsOf(
  view: View,
  images: PixelSize,
  size: PixelSize,
): number {
  const [xx, xy, yx, yy] = view.matrix;
  const across = Math.hypot(xx * images.width, yx * images.height) / size.width;
  const down = Math.hypot(xy * images.width, yy * images.height) / size.height;
  const shrink = Math.max(across, down);
  return Math.min(MOST_TAPS, Math.max(1, Math.ceil(shrink - 1e-3)));
}

/** A view in the order of the kernels' `struct View`. */
function encode(view: View, images: ImageBlock, size: PixelSize): number[] {
  const [low, high] = view.window;
  return [
    ...view.matrix,
    ...view.centre,
    view.image,
    tapsOf(view, images, size),
    low,
    1 / (high - low),
    view.brightness,
    view.contrast,
    view.saturation * Math.cos(view.hue),
    view.saturation * Math.sin(view.hue),
    view.pivot,
    view.sigma,
    view.solarise,
    0,
    0,
    0,
  ];
}
