/** Pictures of numbers: heatmaps, overlays, matrices. All are 8-bit colour rasters. */
import { bilinear, type ValueGrid } from "./bilinear.ts";
import { classColour, type Colour, colourOf } from "./colour_map.ts";
import { type Raster, raster } from "./raster.ts";

export type { ValueGrid };

export interface PictureSize {
  width: number;
  height: number;
}

export interface ColourOptions {
  /** Of 16 bits: from the least value to the greatest, or as a window has left them, divided by 257. */
  stretch?: boolean;
}

/** An 8-bit colour copy of any picture. */
export function colourPicture(source: Raster, { stretch = true }: ColourOptions = {}): Raster {
  const { width, height, channels, bits, data } = source;
  const picture = raster(width, height, 3, 8);
  let least = 0, scale = bits === 16 ? 1 / 257 : 1;
  if (bits === 16 && stretch) {
    least = Infinity;
    let most = -Infinity;
    for (const value of data) {
      if (value < least) least = value;
      if (value > most) most = value;
    }
    scale = 255 / Math.max(1, most - least);
  }
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) {
      const value = data[channels === 3 ? i * 3 + c : i];
      picture.data[i * 3 + c] = Math.round((value - least) * scale);
    }
  }
  return picture;
}

/** A map in colours, at any size. */
export function heatmapPicture(map: ValueGrid, { width, height }: PictureSize): Raster {
  const picture = raster(width, height, 3, 8);
  bilinear(map, { width, height }, (pixel, value) => {
    picture.data.set(colourOf(value), pixel * 3);
  });
  return picture;
}

/** A map laid over a picture: the stronger it is, the more it covers, up to `opacity`. */
export function overlayPicture(
  source: Raster,
  map: ValueGrid,
  { opacity = 0.7, ...options }: ColourOptions & { opacity?: number } = {},
): Raster {
  const picture = colourPicture(source, options);
  bilinear(map, source, (pixel, value) => {
    if (!(value > 0)) return;
    blend(picture, pixel, colourOf(value), opacity * Math.min(1, Math.sqrt(value)));
  });
  return picture;
}

/** Mixes a colour into a pixel, `share` of it. */
export function blend(picture: Raster, pixel: number, colour: Colour, share: number): void {
  const { data } = picture;
  for (let c = 0; c < 3; c++) {
    data[pixel * 3 + c] = Math.round(data[pixel * 3 + c] * (1 - share) + colour[c] * share);
  }
}

/** The map's value at every pixel of a picture, bilinear between cell centres: [height, width]. */
export function enlarged(map: ValueGrid, size: PictureSize): Float32Array<ArrayBuffer> {
  const values = new Float32Array(size.width * size.height);
  bilinear(map, size, (pixel, value) => {
    values[pixel] = value;
  });
  return values;
}

/** Rows and columns sorted by label (unlabelled last), and otherwise as they were. */
export function labelOrder(labels: (string | null)[]): number[] {
  return labels.map((_, i) => i).sort((a, b) => {
    const [p, q] = [labels[a], labels[b]];
    if (p === q) return a - b;
    return p === null ? 1 : q === null ? -1 : p < q ? -1 : 1;
  });
}

/**
 * A symmetric matrix [n, n] in colours from `range[0]` to `range[1]`, rows and columns ordered by label, whose
 * colours stand in a band at the left and at the top. Cells are enlarged by a whole factor while all fit
 * into `side` pixels.
 */
export function matrixPicture(
  values: ArrayLike<number>,
  options: { labels: (string | null)[]; range?: [number, number]; side?: number },
): Raster {
  const { labels, range: [from, to] = [0, 1], side = 1024 } = options;
  const n = labels.length;
  const order = labelOrder(labels);
  const names = [...new Set(order.map((i) => labels[i]))].filter((label) => label !== null);
  const factor = Math.max(1, Math.floor(side / Math.max(1, n)));
  const cells = n * factor;
  const band = Math.max(4, Math.round(cells / 64)), gap = 2;
  const picture = raster(cells + band + gap, cells + band + gap, 3, 8);
  picture.data.fill(255);
  const at = (pixel: number) => order[Math.floor(pixel / factor)];
  const paint = (x: number, y: number, colour: Colour) =>
    picture.data.set(colour, (y * picture.width + x) * 3);
  for (let y = 0; y < cells; y++) {
    const row = at(y);
    const colour = classColour(labels[row] === null ? -1 : names.indexOf(labels[row]!));
    for (let x = 0; x < band; x++) {
      paint(x, y + band + gap, colour);
      paint(y + band + gap, x, colour);
    }
    for (let x = 0; x < cells; x++) {
      const value = (values[row * n + at(x)] - from) / (to - from);
      paint(x + band + gap, y + band + gap, colourOf(value));
    }
  }
  return picture;
}
