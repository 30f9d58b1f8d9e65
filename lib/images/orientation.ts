/** Turns a picture upright by its EXIF orientation (EXIF 2.3, tag 274). */
import { type Raster, raster } from "./raster.ts";

/** `orientation` 1 to 8; 5 to 8 swap width and height. */
export function orient(source: Raster, orientation: number): Raster {
  const { width: w, height: h, channels } = source;
  const last = w * (h - 1);
  // The stored pixel of the upright corner, and the way to its right and lower neighbours.
  const walk: Record<number, [start: number, right: number, down: number]> = {
    2: [w - 1, -1, w],
    3: [last + w - 1, -1, -w],
    4: [last, 1, -w],
    5: [0, w, 1],
    6: [last, -w, 1],
    7: [last + w - 1, -w, -1],
    8: [w - 1, w, -1],
  };
  if (!(orientation in walk)) return source;
  const [start, right, down] = walk[orientation];
  const swapped = orientation >= 5;
  const out = raster(swapped ? h : w, swapped ? w : h, channels, source.bits);
  let target = 0;
  for (let y = 0; y < out.height; y++) {
    for (let x = 0; x < out.width; x++) {
      const from = (start + x * right + y * down) * channels;
      for (let c = 0; c < channels; c++) out.data[target++] = source.data[from + c];
    }
  }
  return out;
}
