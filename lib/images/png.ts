/**
 * PNG (ISO/IEC 15948): every colour type and depth, interlaced or not. Depths below 8 are scaled
 * to 8 bits, 16 stay 16, palettes become colours (grey where all of them are grey). Alpha and
 * transparent colours are dropped, gamma is ignored: the stored samples are the picture, as in
 * OpenCV and PIL.
 */
import { Buffer } from "node:buffer";
import { crc32, inflateSync } from "node:zlib";
import { InvalidInput } from "@/lib/errors.ts";
import { checkSize } from "./limits.ts";
import { unfilter } from "./png_filter.ts";
import { type Raster, raster } from "./raster.ts";

export interface PngHeader {
  width: number;
  height: number;
  /** 1, 2, 4, 8 or 16 bits per sample. */
  depth: number;
  colourType: number;
  interlaced: boolean;
}

/** Samples per pixel by colour type, and the depths it allows. */
const colourTypes: Record<number, { samples: number; depths: number[] }> = {
  0: { samples: 1, depths: [1, 2, 4, 8, 16] },
  2: { samples: 3, depths: [8, 16] },
  3: { samples: 1, depths: [1, 2, 4, 8] },
  4: { samples: 2, depths: [8, 16] },
  6: { samples: 4, depths: [8, 16] },
};

/** Adam7: first column and row of each pass, and the steps. */
const adam7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
];

const refuse = (why: string) => new InvalidInput(`Cannot decode PNG: ${why}`);

/** The header of a PNG; throws InvalidInput. */
export function readPngHeader(bytes: Uint8Array): PngHeader {
  if (bytes.length < 33) throw refuse("the file ends in its header");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(8) !== 13 || view.getUint32(12) !== 0x49484452) {
    throw refuse("it does not start with IHDR");
  }
  const header = {
    width: view.getUint32(16),
    height: view.getUint32(20),
    depth: bytes[24],
    colourType: bytes[25],
    interlaced: bytes[28] === 1,
  };
  const colour = colourTypes[header.colourType];
  if (!colour?.depths.includes(header.depth)) {
    throw refuse(`colour type ${header.colourType} with ${header.depth} bits does not exist`);
  }
  if (bytes[26] !== 0 || bytes[27] !== 0 || bytes[28] > 1) {
    throw refuse("unknown compression, filter or interlace method");
  }
  checkSize("PNG", header.width, header.height);
  return header;
}

interface Chunks {
  palette?: Uint8Array;
  data: Uint8Array[];
}

/** Palette and compressed data; critical chunks must be whole, ancillary ones are passed over. */
function readChunks(bytes: Uint8Array): Chunks {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const chunks: Chunks = { data: [] };
  let previous = "";
  for (let at = 8;;) {
    if (at + 12 > bytes.length) throw refuse("the file is truncated");
    const length = view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const end = at + 8 + length;
    if (end + 4 > bytes.length) throw refuse(`the file is truncated in chunk ${type}`);
    const critical = (bytes[at + 4] & 0x20) === 0;
    if (critical && crc32(bytes.subarray(at + 4, end)) !== view.getUint32(end)) {
      throw refuse(`the checksum of chunk ${type} is wrong`);
    }
    const body = bytes.subarray(at + 8, end);
    if (type === "IEND") return chunks;
    if (type === "PLTE") {
      if (length % 3 !== 0 || length === 0 || length > 768) throw refuse("its palette is damaged");
      chunks.palette = body;
    } else if (type === "IDAT") {
      if (chunks.data.length > 0 && previous !== "IDAT") throw refuse("its IDAT chunks are apart");
      chunks.data.push(body);
    } else if (critical && type !== "IHDR") throw refuse(`unknown critical chunk ${type}`);
    previous = type;
    at = end + 4;
  }
}

/** Bytes of one row without its filter byte. */
const rowBytes = (width: number, bitsPerPixel: number) => Math.ceil(width * bitsPerPixel / 8);

/** Deflate cannot do better than this. */
const maxRatio = 1032;

function inflate(data: Uint8Array[], expected: number): Uint8Array {
  const compressed = data.reduce((sum, part) => sum + part.length, 0);
  // Before anything is allocated: so few bytes cannot become so many pixels.
  if (expected > compressed * maxRatio) throw refuse("its pixels are truncated");
  let out: Uint8Array;
  try {
    out = inflateSync(data.length === 1 ? data[0] : Buffer.concat(data), {
      maxOutputLength: expected,
      // In one piece.
      chunkSize: Math.max(64, expected + 1),
    });
  } catch (error) {
    const code = (error as { code?: string }).code;
    if (code === "ERR_BUFFER_TOO_LARGE") throw refuse("more pixels than its size says");
    throw refuse(code === "Z_BUF_ERROR" ? "its pixels are truncated" : "its pixels are damaged");
  }
  if (out.length < expected) throw refuse("its pixels are truncated");
  return out;
}

/** Decodes a whole PNG; throws InvalidInput. */
export function decodePng(bytes: Uint8Array): Raster {
  const header = readPngHeader(bytes);
  const { width, height, depth, colourType, interlaced } = header;
  const { palette, data } = readChunks(bytes);
  if (colourType === 3 && !palette) throw refuse("its palette is missing");
  if (data.length === 0) throw refuse("it has no pixels");

  const { samples } = colourTypes[colourType];
  const bitsPerPixel = samples * depth;
  const passes = (interlaced ? adam7 : [[0, 0, 1, 1]]).map(([x, y, dx, dy]) => {
    const columns = Math.ceil((width - x) / dx);
    return {
      x,
      y,
      dx,
      dy,
      columns,
      rows: columns > 0 ? Math.max(0, Math.ceil((height - y) / dy)) : 0,
    };
  }).filter((pass) => pass.rows > 0);
  const expected = passes.reduce(
    (sum, pass) => sum + pass.rows * (1 + rowBytes(pass.columns, bitsPerPixel)),
    0,
  );
  const raw = inflate(data, expected);

  const colours = colourType === 3 ? paletteColours(palette!) : undefined;
  const channels = colours ? colours.channels : samples >= 3 ? 3 : 1;
  const out = raster(width, height, channels, depth === 16 ? 16 : 8);
  let at = 0;
  for (const pass of passes) {
    const length = rowBytes(pass.columns, bitsPerPixel);
    const rows = unfilter(
      raw.subarray(at, at += pass.rows * (1 + length)),
      pass.rows,
      length,
      Math.max(1, bitsPerPixel >> 3),
    );
    for (let row = 0; row < pass.rows; row++) {
      const line = rows.subarray(row * length, (row + 1) * length);
      const target = {
        start: (pass.y + row * pass.dy) * width + pass.x,
        step: pass.dx,
        columns: pass.columns,
      };
      if (colours) placePalette(line, depth, colours, out, target);
      else placeSamples(line, depth, samples, out, target);
    }
  }
  return out;
}

/** Where a row's pixels go: pixel index of the first, and the distance between neighbours. */
interface Target {
  start: number;
  step: number;
  columns: number;
}

interface Colours {
  channels: 1 | 3;
  entries: Uint8Array;
  count: number;
}

function paletteColours(palette: Uint8Array): Colours {
  const count = palette.length / 3;
  for (let i = 0; i < palette.length; i += 3) {
    if (palette[i] !== palette[i + 1] || palette[i] !== palette[i + 2]) {
      return { channels: 3, entries: palette, count };
    }
  }
  return { channels: 1, entries: palette.filter((_, i) => i % 3 === 0), count };
}

/** Sample `i` of a row whose samples have 1, 2, 4 or 8 bits. */
function sampleAt(line: Uint8Array, i: number, depth: number): number {
  if (depth === 8) return line[i];
  const bit = i * depth;
  return (line[bit >> 3] >> (8 - depth - (bit & 7))) & ((1 << depth) - 1);
}

function placePalette(
  line: Uint8Array,
  depth: number,
  colours: Colours,
  out: Raster,
  to: Target,
): void {
  const { channels, entries, count } = colours;
  for (let i = 0; i < to.columns; i++) {
    const index = sampleAt(line, i, depth);
    if (index >= count) throw refuse(`palette entry ${index} does not exist`);
    const target = (to.start + i * to.step) * channels;
    for (let c = 0; c < channels; c++) out.data[target + c] = entries[index * channels + c];
  }
}

function placeSamples(
  line: Uint8Array,
  depth: number,
  samples: number,
  out: Raster,
  to: Target,
): void {
  const { channels, data } = out;
  const scale = depth < 8 ? 255 / ((1 << depth) - 1) : 1;
  for (let i = 0; i < to.columns; i++) {
    const target = (to.start + i * to.step) * channels;
    for (let c = 0; c < channels; c++) {
      const source = i * samples + c;
      data[target + c] = depth === 16
        ? (line[2 * source] << 8) | line[2 * source + 1]
        : sampleAt(line, source, depth) * scale;
    }
  }
}
