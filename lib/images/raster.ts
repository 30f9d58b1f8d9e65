/** A decoded picture. */

export interface Raster {
  width: number;
  height: number;
  /** Grey, or red, green, blue. */
  channels: 1 | 3;
  bits: 8 | 16;
  /** [height, width, channels]; a Uint16Array when `bits` is 16. */
  data: Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;
  /** What of the file is not in the picture, in sentences. */
  notes?: string[];
}

/** What a picture is, without its samples. */
export type ImageHeader = Omit<Raster, "data">;

/** The largest picture that is decoded. */
export const maxPixels = 64 * 2 ** 20;

/** An empty (black) picture. */
export function raster(width: number, height: number, channels: 1 | 3, bits: 8 | 16): Raster {
  const length = width * height * channels;
  return {
    width,
    height,
    channels,
    bits,
    data: bits === 8 ? new Uint8Array(length) : new Uint16Array(length),
  };
}

/** The same picture in 8 bits: what a screen shows of 16. */
export function inEightBits(source: Raster): Raster {
  if (source.bits === 8) return source;
  const { width, height, channels, data, notes } = source;
  const picture = raster(width, height, channels, 8);
  for (let i = 0; i < data.length; i++) picture.data[i] = Math.round(data[i] / 257);
  return notes ? { ...picture, notes } : picture;
}
