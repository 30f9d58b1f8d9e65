/**
 * Lossless JPEG with Huffman codes (ITU-T T.81, process 14, annex H): predictors 1 to 7, 2 to 16
 * bits, point transform, restart intervals, interleaved components or a scan for each. Our own:
 * the one kept library for it, jpeg-lossless-decoder-js 2.1.2, loses the last sample where its code
 * is short and gives wrong pixels after a restart.
 */
import { InvalidInput } from "@/lib/errors.ts";
import { EntropyReader, type HuffmanTable, readHuffmanTables } from "./jpeg_entropy.ts";
import { readJpegHeader } from "./jpeg_header.ts";
import { checkSize } from "./limits.ts";

const refuse = (why: string) => new InvalidInput(`Cannot decode JPEG: ${why}`);

export interface LosslessPicture {
  width: number;
  height: number;
  components: number;
  /** Bits per sample. */
  precision: number;
  /** [height, width, components]; 16 bits where `precision` is above 8. */
  data: Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;
}

interface Frame extends LosslessPicture {
  /** Identifiers of the components. */
  ids: number[];
  /** Components that a scan has brought. */
  seen: Set<number>;
}

interface Scan {
  /** Places of its components in the frame, and their tables. */
  parts: { component: number; table: HuffmanTable }[];
  predictor: number;
  /** Bits that were shifted out before coding. */
  shift: number;
  /** Pixels between restarts; 0 for none. */
  interval: number;
}

/** Throws InvalidInput, also for a truncated picture. */
export function decodeLosslessJpeg(bytes: Uint8Array): LosslessPicture {
  const { width, height, components, precision, process } = readJpegHeader(bytes);
  checkSize("JPEG", width, height);
  if (process !== 3) throw refuse(`process ${process} is not the lossless one with Huffman codes`);
  if (precision < 2 || precision > 16) throw refuse(`${precision} bits are not lossless JPEG`);
  if (components < 1 || components > 4) throw refuse(`${components} components are not supported`);
  const samples = width * height * components;
  // A sample takes one bit at least.
  if (samples > bytes.length * 8) throw refuse("its pixels are truncated");
  const data = precision > 8 ? new Uint16Array(samples) : new Uint8Array(samples);
  const frame = { width, height, components, precision, data, ids: [], seen: new Set<number>() };
  readSegments(bytes, frame);
  return { width, height, components, precision, data };
}

function readSegments(bytes: Uint8Array, frame: Frame): void {
  const tables = new Map<number, HuffmanTable>();
  let interval = 0;
  for (let at = 2; frame.seen.size < frame.components;) {
    while (bytes[at] === 0xff && bytes[at + 1] === 0xff) at++;
    if (at + 4 > bytes.length) throw refuse("it ends before its last scan");
    const marker = bytes[at + 1];
    if (bytes[at] !== 0xff) throw refuse(`no marker at byte ${at}`);
    if (marker === 0xd9) throw refuse("it ends before its last scan");
    const end = at + 2 + (bytes[at + 2] << 8 | bytes[at + 3]);
    if (end < at + 4 || end > bytes.length) throw refuse("a segment is truncated");
    const body = bytes.subarray(at + 4, end);
    at = end;
    if (marker === 0xc4) readHuffmanTables(body, tables);
    else if (marker === 0xc3) frame.ids = componentIds(body, frame.components);
    else if (marker === 0xdd) {
      if (body.length < 2) throw refuse("a segment is truncated");
      interval = body[0] << 8 | body[1];
    } else if (marker === 0xda) {
      const scan = readScan(body, frame, tables, interval);
      const reader = new EntropyReader(bytes, end);
      decodeScan(reader, frame, scan);
      for (const { component } of scan.parts) frame.seen.add(component);
      at = reader.end();
    }
  }
}

function componentIds(body: Uint8Array, components: number): number[] {
  if (body.length < 6 + 3 * components) throw refuse("its frame header is damaged");
  const places = Array.from({ length: components }, (_, i) => 6 + 3 * i);
  // One component alone is never in blocks, whatever its factors say (A.2.2).
  if (components > 1 && places.some((place) => body[place + 1] !== 0x11)) {
    throw refuse("lossless components of different sizes are not supported");
  }
  return places.map((place) => body[place]);
}

function readScan(
  body: Uint8Array,
  { ids, seen, width, precision }: Frame,
  tables: Map<number, HuffmanTable>,
  interval: number,
): Scan {
  const count = body[0];
  if (count < 1 || count > 4 || body.length < 4 + 2 * count) throw refuse("a scan is damaged");
  const parts = Array.from({ length: count }, (_, i) => {
    const component = ids.indexOf(body[1 + 2 * i]);
    const table = tables.get(body[2 + 2 * i] >> 4);
    if (component < 0 || seen.has(component)) throw refuse("a scan is damaged");
    if (!table) throw refuse("a Huffman table is missing");
    return { component, table };
  });
  const predictor = body[1 + 2 * count], shift = body[3 + 2 * count] & 15;
  if (predictor < 1 || predictor > 7) throw refuse(`predictor ${predictor} does not exist`);
  if (shift >= precision) throw refuse(`a point transform of ${shift} leaves nothing`);
  // H.1.1: whole rows; what other intervals would mean is not laid down.
  if (interval % width !== 0) {
    throw refuse(`a restart interval of ${interval} pixels is no whole number of rows`);
  }
  return { parts, predictor, shift, interval };
}

function decodeScan(reader: EntropyReader, frame: Frame, scan: Scan): void {
  const { width, height, components, data } = frame;
  const { parts, predictor, shift } = scan;
  const rowsBetween = scan.interval / width;
  const middle = 1 << (frame.precision - shift - 1);
  const length = width * parts.length;
  // Rows as they were coded, the scan's components beside each other.
  let row = new Int32Array(length), above = new Int32Array(length);
  for (let y = 0; y < height; y++) {
    const first = rowsBetween === 0 ? y === 0 : y % rowsBetween === 0;
    if (first && y > 0) reader.restart(y / rowsBetween - 1);
    [row, above] = [above, row];
    decodeRow(reader, scan, { row, above, middle, predictor: first ? 1 : predictor, first });
    for (let p = 0; p < parts.length; p++) {
      let target = y * width * components + parts[p].component;
      for (let i = p; i < length; i += parts.length, target += components) {
        data[target] = row[i] << shift;
      }
    }
  }
}

/** One row by its differences (H.1.2): `first` of an interval, it knows no row above. */
function decodeRow(
  reader: EntropyReader,
  { parts }: Scan,
  { row, above, middle, predictor, first }: {
    row: Int32Array;
    above: Int32Array;
    middle: number;
    predictor: number;
    first: boolean;
  },
): void {
  const step = parts.length;
  for (let i = 0; i < row.length; i++) {
    const size = reader.symbol(parts[step === 1 ? 0 : i % step].table);
    if (size > 16) throw refuse("its pixels are damaged");
    const difference = size === 16 ? 32768 : reader.signed(size);
    let guess: number;
    if (i < step) guess = first ? middle : above[i];
    else {
      const a = row[i - step], b = above[i], c = above[i - step];
      guess = predictor === 1
        ? a
        : predictor === 2
        ? b
        : predictor === 3
        ? c
        : predictor === 4
        ? a + b - c
        : predictor === 5
        ? a + ((b - c) >> 1)
        : predictor === 6
        ? b + ((a - c) >> 1)
        : (a + b) >> 1;
    }
    row[i] = (guess + difference) & 0xffff;
  }
}
