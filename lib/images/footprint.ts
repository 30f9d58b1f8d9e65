/** What decoding a picture will cost, by its header alone: nothing is decoded, and nothing refused. */
import { Buffer } from "node:buffer";
import { readJpegHeader } from "./jpeg_header.ts";
import { readPngHeader } from "./png.ts";
import { maxPixels } from "./raster.ts";
import { sniffImage } from "./sniff.ts";

export interface Footprint {
  /** Millions of pixels. */
  megapixels: number;
  /** Bytes of all buffers at the same time, the file among them. */
  memory: number;
}

export interface FootprintOptions {
  /** Nothing but the header, or a smaller picture, is kept: of a PNG no more than some rows are held. */
  byRows?: boolean;
}

/** What the stream of a PNG's rows holds until it is collected. */
const PNG_ROWS_BYTES = 64 * 2 ** 20;

/** Samples of each colour type of PNG. */
const pngSamples: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** DICOM: stored values as integers, the codec's own planes, the frame, and the picture, bytes a pixel. */
const DICOM_BYTES = 24;

/** An upper bound where the header can be read; a damaged file costs little, as its decoder stops early. */
export function footprintOf(
  bytes: Uint8Array,
  { byRows = false }: FootprintOptions = {},
): Footprint {
  const { pixels, buffers } = costOf(bytes, byRows);
  return { megapixels: pixels / 1e6, memory: bytes.length + buffers };
}

function costOf(bytes: Uint8Array, byRows: boolean): { pixels: number; buffers: number } {
  try {
    switch (sniffImage(bytes)) {
      case "png": {
        const { width, height, depth, colourType, interlaced } = readPngHeader(bytes);
        const samples = pngSamples[colourType];
        if (byRows && !interlaced) {
          return { pixels: width * height, buffers: PNG_ROWS_BYTES + 4 * width * samples * 8 };
        }
        const rows = height * (1 + Math.ceil(width * samples * depth / 8));
        const channels = colourType === 3 || samples >= 3 ? 3 : 1;
        const picture = width * height * channels * (depth === 16 ? 2 : 1);
        return { pixels: width * height, buffers: rows + picture };
      }
      case "jpeg": {
        const { width, height, components } = readJpegHeader(bytes);
        // The codec's copy of the file and its picture, ours, and one turned upright.
        return {
          pixels: width * height,
          buffers: bytes.length + 3 * width * height * components,
        };
      }
      case "pnm":
        // A sample has one byte in the file at least, or two that become two.
        return { pixels: bytes.length, buffers: bytes.length };
      case "dicom": {
        const pixels = dicomPixels(bytes);
        return { pixels, buffers: 2 * bytes.length + DICOM_BYTES * pixels };
      }
    }
  } catch {
    // The decoder says what is wrong.
  }
  return { pixels: 0, buffers: 0 };
}

/** Bytes of a file in which its header is looked for. */
const HEAD = 2 ** 20;

/**
 * Pixels of one frame: the most that the elements Rows and Columns, or a compressed frame itself, say.
 * The largest picture of all where neither is found, as in a deflated file.
 */
function dicomPixels(file: Uint8Array): number {
  const head = Buffer.from(file.buffer, file.byteOffset, Math.min(file.length, HEAD));
  const pixels = Math.max(
    largest(head, "10") * largest(head, "11"),
    jpeg2000Pixels(head),
    jpegPixels(head),
  );
  return pixels > 0 ? Math.min(pixels, maxPixels) : maxPixels;
}

/** The largest value of element (0028,00xx): explicit and implicit, little and big endian. */
function largest(head: Buffer, element: "10" | "11"): number {
  const forms: [prefix: string, little: boolean][] = [
    [`2800${element}0055530200`, true],
    [`2800${element}0002000000`, true],
    [`002800${element}55530002`, false],
  ];
  let most = 0;
  for (const [prefix, little] of forms) {
    const mark = Buffer.from(prefix, "hex");
    for (let at = head.indexOf(mark); at >= 0; at = head.indexOf(mark, at + 1)) {
      const value = at + mark.length;
      if (value + 2 > head.length) break;
      most = Math.max(most, little ? head.readUInt16LE(value) : head.readUInt16BE(value));
    }
  }
  return most;
}

/** Of a codestream's SIZ marker (ISO/IEC 15444-1, A.5.1). */
function jpeg2000Pixels(head: Buffer): number {
  const at = head.indexOf(Buffer.from("ff4fff51", "hex"));
  if (at < 0 || at + 24 > head.length) return 0;
  const side = (end: number) => Math.max(0, head.readUInt32BE(end) - head.readUInt32BE(end + 8));
  return side(at + 8) * side(at + 12);
}

/** Of a frame header of JPEG, or of JPEG-LS (ITU-T T.87). */
function jpegPixels(head: Buffer): number {
  const ls = head.indexOf(Buffer.from("ffd8fff7", "hex"));
  if (ls >= 0 && ls + 11 <= head.length) {
    return head.readUInt16BE(ls + 7) * head.readUInt16BE(ls + 9);
  }
  const at = head.indexOf(Buffer.from("ffd8ff", "hex"));
  if (at < 0) return 0;
  try {
    const { width, height } = readJpegHeader(head.subarray(at));
    return width * height;
  } catch {
    return 0;
  }
}
