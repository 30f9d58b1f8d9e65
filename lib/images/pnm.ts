/** PGM and PPM, text (P2, P3) and binary (P5, P6), as the Netpbm pages describe them. */
import { InvalidInput } from "@/lib/errors.ts";
import { checkSize } from "./limits.ts";
import { type Raster, raster } from "./raster.ts";

const refuse = (why: string) => new InvalidInput(`Cannot decode PNM: ${why}`);

/** Reads the next number at `at`, passing over white space and comments. */
function nextNumber(bytes: Uint8Array, at: number): { value: number; at: number } {
  while (at < bytes.length) {
    if (bytes[at] === 0x23) { while (at < bytes.length && bytes[at] !== 0x0a) at++; }
    else if (bytes[at] === 0x20 || (bytes[at] >= 9 && bytes[at] <= 13)) at++;
    else break;
  }
  let value = 0;
  const start = at;
  for (; bytes[at] >= 0x30 && bytes[at] <= 0x39; at++) {
    value = value * 10 + bytes[at] - 0x30;
    if (value > 0xffffffff) throw refuse("a number is too large");
  }
  if (at === start) {
    throw refuse(at >= bytes.length ? "the file is truncated" : `no number at byte ${at}`);
  }
  return { value, at };
}

/** Of a file's beginning; throws InvalidInput. */
export function readPnmSize(bytes: Uint8Array): { width: number; height: number } {
  const width = nextNumber(bytes, 2);
  return { width: width.value, height: nextNumber(bytes, width.at).value };
}

/** Values are scaled so that the file's maximum becomes 255 or, above 8 bits, 65535. */
export function decodePnm(bytes: Uint8Array): Raster {
  const kind = bytes[1] - 0x30;
  const channels = kind === 3 || kind === 6 ? 3 : 1;
  const width = nextNumber(bytes, 2);
  const height = nextNumber(bytes, width.at);
  const maximum = nextNumber(bytes, height.at);
  if (maximum.value < 1 || maximum.value > 65535) {
    throw refuse(`its maximum ${maximum.value} is not in 1 to 65535`);
  }
  checkSize("PNM", width.value, height.value);
  const length = width.value * height.value * channels;
  const wide = maximum.value > 255;
  const binary = kind >= 5;
  let at = maximum.at + 1;
  if (binary && bytes.length - at < length * (wide ? 2 : 1)) throw refuse("the file is truncated");
  // A text sample takes two bytes at least, the last one maybe one.
  if (!binary && bytes.length - at < 2 * length - 1) throw refuse("the file is truncated");
  const out = raster(width.value, height.value, channels, wide ? 16 : 8);
  const scale = (wide ? 65535 : 255) / maximum.value;
  for (let i = 0; i < length; i++) {
    let value: number;
    if (!binary) ({ value, at } = nextNumber(bytes, at));
    else if (wide) {
      value = (bytes[at] << 8) | bytes[at + 1];
      at += 2;
    } else value = bytes[at++];
    if (value > maximum.value) throw refuse(`sample ${value} is above the maximum`);
    out.data[i] = Math.round(value * scale);
  }
  return out;
}
