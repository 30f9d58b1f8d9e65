/**
 * PNG (ISO/IEC 15948): every colour type and depth, interlaced or not. Depths below 8 are scaled
 * to 8 bits, 16 stay 16, palettes become colours (grey where all of them are grey). Alpha and
 * transparent colours are dropped, gamma is ignored: the stored samples are the picture, as in
 * OpenCV and PIL.
 *
 * Our own: pngjs and @jsquash/png are exact too, but make colours with alpha of everything, at twice
 * the memory for a mammogram, and neither gives row after row.
 */
import { crc32, createInflate } from "node:zlib";
import { InvalidInput } from "@/lib/errors.ts";
import { checkSize } from "./limits.ts";
import { unfilterRow } from "./png_filter.ts";
import { type ImageHeader, type Raster, raster } from "./raster.ts";
import { resize, RowResizer } from "./resize.ts";

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

/** The rows of a picture, or of one of the seven pictures of an interlaced one. */
interface Pass {
  x: number;
  y: number;
  dx: number;
  dy: number;
  columns: number;
  rows: number;
  /** Bytes of a row. */
  length: number;
}

function passesOf({ width, height, depth, colourType, interlaced }: PngHeader): Pass[] {
  return (interlaced ? adam7 : [[0, 0, 1, 1]]).map(([x, y, dx, dy]) => {
    const columns = Math.ceil((width - x) / dx);
    const rows = columns > 0 ? Math.max(0, Math.ceil((height - y) / dy)) : 0;
    const length = rowBytes(columns, colourTypes[colourType].samples * depth);
    return { x, y, dx, dy, columns, rows, length };
  }).filter((pass) => pass.rows > 0);
}

/**
 * Every row in turn, its filter undone: no more than two rows and a piece of what was compressed
 * are held. Throws InvalidInput.
 */
async function forEachRow(
  data: Uint8Array[],
  passes: Pass[],
  step: number,
  take: (row: Uint8Array, pass: Pass, y: number) => void,
): Promise<void> {
  const expected = passes.reduce((sum, { rows, length }) => sum + rows * (1 + length), 0);
  const compressed = data.reduce((sum, part) => sum + part.length, 0);
  // Before anything is expanded: so few bytes cannot become so many pixels.
  if (expected > compressed * maxRatio) throw refuse("its pixels are truncated");
  let place = 0, y = 0, filled = 0;
  let row = new Uint8Array(1 + (passes[0]?.length ?? 0)), above = row.slice();
  for await (const chunk of inflated(data)) {
    for (let at = 0; at < chunk.length;) {
      if (place === passes.length) throw refuse("more pixels than its size says");
      const pass = passes[place];
      const piece = chunk.subarray(at, at + row.length - filled);
      row.set(piece, filled);
      at += piece.length;
      filled += piece.length;
      if (filled < row.length) break;
      unfilterRow(row[0], row.subarray(1), above.subarray(1), step);
      take(row.subarray(1), pass, y++);
      filled = 0;
      if (y < pass.rows) [row, above] = [above, row];
      else {
        y = 0;
        row = new Uint8Array(1 + (passes[++place]?.length ?? 0));
        above = row.slice();
      }
    }
  }
  if (place < passes.length) throw refuse("its pixels are truncated");
}

async function* inflated(data: Uint8Array[]): AsyncGenerator<Uint8Array> {
  const stream = createInflate({ chunkSize: 2 ** 18 });
  // Errors come through the iterator; without a listener they would come twice.
  stream.on("error", () => {});
  for (const part of data) stream.write(part);
  stream.end();
  try {
    yield* stream;
  } catch (error) {
    const { code } = error as { code?: string };
    throw refuse(code === "Z_BUF_ERROR" ? "its pixels are truncated" : "its pixels are damaged");
  } finally {
    stream.destroy();
  }
}

/**
 * Decodes a whole PNG, and resizes it to `size` = [width, height]: row by row as it is read, unless
 * it is interlaced. `header` is what it was before. Throws InvalidInput.
 */
export async function decodePng(
  bytes: Uint8Array,
  size?: [number, number],
): Promise<{ header: ImageHeader; raster: Raster }> {
  const { header, passes, data, colours, shape } = openPng(bytes);
  const { width, height, depth } = header;
  const { samples } = colourTypes[header.colourType];
  const step = Math.max(1, (samples * depth) >> 3);
  const place = colours
    ? (row: Uint8Array, out: Raster, to: Target) => placePalette(row, depth, colours, out, to)
    : (row: Uint8Array, out: Raster, to: Target) => placeSamples(row, depth, samples, out, to);
  const scaled = size !== undefined && (size[0] !== width || size[1] !== height);
  if (scaled && !header.interlaced) {
    const resizer = new RowResizer(shape, ...size);
    const line = raster(width, 1, shape.channels, shape.bits);
    await forEachRow(data, passes, step, (row) => {
      place(row, line, { start: 0, step: 1, columns: width });
      resizer.push(line.data);
    });
    return { header: shape, raster: resizer.raster };
  }
  const out = raster(width, height, shape.channels, shape.bits);
  await forEachRow(data, passes, step, (row, { x, y, dx, dy, columns }, number) => {
    place(row, out, { start: (y + number * dy) * width + x, step: dx, columns });
  });
  return { header: shape, raster: scaled ? resize(out, ...size) : out };
}

/** Decodes a whole PNG and keeps nothing of it: what it is, if it is good. Throws InvalidInput. */
export async function checkPng(bytes: Uint8Array): Promise<ImageHeader> {
  const { header: { width, depth, colourType }, passes, data, colours, shape } = openPng(bytes);
  const line = raster(width, 1, shape.channels, shape.bits);
  const step = Math.max(1, (colourTypes[colourType].samples * depth) >> 3);
  await forEachRow(data, passes, step, (row, { columns }) => {
    if (colours) placePalette(row, depth, colours, line, { start: 0, step: 1, columns });
  });
  return shape;
}

function openPng(bytes: Uint8Array) {
  const header = readPngHeader(bytes);
  const { palette, data } = readChunks(bytes);
  const { width, height, depth, colourType } = header;
  if (colourType === 3 && !palette) throw refuse("its palette is missing");
  if (data.length === 0) throw refuse("it has no pixels");
  const colours = colourType === 3 ? paletteColours(palette!) : undefined;
  const channels: 1 | 3 = colours?.channels ?? (colourTypes[colourType].samples >= 3 ? 3 : 1);
  const bits: 8 | 16 = depth === 16 ? 16 : 8;
  return {
    header,
    passes: passesOf(header),
    data,
    colours,
    shape: { width, height, channels, bits },
  };
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
