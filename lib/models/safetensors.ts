/**
 * safetensors: a 64-bit length, a JSON header of names, types, shapes and byte ranges, then the data
 * (https://github.com/huggingface/safetensors#format). Everything a file says is checked before use.
 */
import { InvalidInput } from "@/lib/errors.ts";
import { bfloatToNumber } from "./bfloat.ts";
import type { WeightTensor } from "./pth.ts";

const MOST_HEADER_BYTES = 2 ** 20;

const READERS: Record<string, { bytes: number; read(view: DataView, at: number): number }> = {
  F64: { bytes: 8, read: (view, at) => view.getFloat64(at, true) },
  F32: { bytes: 4, read: (view, at) => view.getFloat32(at, true) },
  F16: { bytes: 2, read: (view, at) => view.getFloat16(at, true) },
  BF16: { bytes: 2, read: (view, at) => bfloatToNumber(view.getUint16(at, true)) },
  I64: { bytes: 8, read: (view, at) => Number(view.getBigInt64(at, true)) },
  I32: { bytes: 4, read: (view, at) => view.getInt32(at, true) },
  U8: { bytes: 1, read: (view, at) => view.getUint8(at) },
  BOOL: { bytes: 1, read: (view, at) => view.getUint8(at) },
};

/** A file's tensors, converted to f32, and its free text. */
export interface Safetensors {
  tensors: Map<string, WeightTensor>;
  metadata: Record<string, string>;
}

export interface ReadOptions {
  /** Tensors of f32 are parts of `bytes`, where they stand so that they can be: nothing is in memory twice. */
  views?: boolean;
}

/** @throws {InvalidInput} when the file is damaged, or holds a number that is not finite */
export function readSafetensors(
  bytes: Uint8Array,
  { views = false }: ReadOptions = {},
): Safetensors {
  try {
    return read(bytes as Uint8Array<ArrayBuffer>, views);
  } catch (error) {
    throw new InvalidInput(`Cannot read safetensors: ${(error as Error).message}`);
  }
}

function read(bytes: Uint8Array<ArrayBuffer>, views: boolean): Safetensors {
  const { entries, metadata, start } = readHead(bytes, bytes.length);
  const tensors = new Map<string, WeightTensor>();
  for (const { name, type, shape, from, to } of entries) {
    const data = convert(name, type, bytes.subarray(start + from, start + to), views);
    tensors.set(name, type.includes("F") ? { shape, data } : { shape, data, integer: true });
  }
  return { tensors, metadata };
}

/**
 * Names and shapes of a file by its beginning: tensors without data.
 * @param bytes the header at least
 * @param size of the file
 * @throws {InvalidInput} when the header makes no sense, or is not one of a file of that size
 */
export function readSafetensorsHead(
  bytes: Uint8Array,
  size: number,
): Map<string, WeightTensor> {
  try {
    const { entries } = readHead(bytes, size);
    return new Map(entries.map(({ name, type, shape }) => [name, {
      shape,
      data: new Float32Array(),
      ...(type.includes("F") ? {} : { integer: true as const }),
    }]));
  } catch (error) {
    throw new InvalidInput(`Cannot read safetensors: ${(error as Error).message}`);
  }
}

interface HeadEntry {
  name: string;
  type: string;
  shape: number[];
  /** Bytes after `start`. */
  from: number;
  to: number;
}

function readHead(
  bytes: Uint8Array,
  size: number,
): { entries: HeadEntry[]; metadata: Record<string, string>; start: number } {
  if (bytes.length < 8) throw new Error("it is shorter than 8 bytes");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = Number(view.getBigUint64(0, true));
  if (length > Math.min(MOST_HEADER_BYTES, size - 8)) {
    throw new Error(`a header of ${length} bytes is beyond the file, or above 1 MiB`);
  }
  const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, 8 + length));
  const header: unknown = JSON.parse(text);
  if (!isRecord(header)) throw new Error("its header is no JSON object");
  const start = 8 + length;
  const entries: HeadEntry[] = [];
  let metadata: Record<string, string> = {};
  for (const [name, entry] of Object.entries(header)) {
    if (!isRecord(entry)) throw new Error(`entry "${name}" is no object`);
    if (name === "__metadata__") {
      if (Object.values(entry).some((value) => typeof value !== "string")) {
        throw new Error("its metadata are no texts");
      }
      metadata = entry as Record<string, string>;
      continue;
    }
    entries.push({ name, ...describe(name, entry, size - start) });
  }
  let end = 0;
  for (const { from, to } of entries.toSorted((a, b) => a.from - b.from || a.to - b.to)) {
    if (from !== end) throw new Error("its tensors overlap or leave gaps");
    end = to;
  }
  if (start + end !== size) throw new Error("data follow that belong to no tensor");
  return { entries, metadata, start };
}

function describe(name: string, entry: Record<string, unknown>, available: number) {
  const { dtype, shape, data_offsets } = entry;
  if (typeof dtype !== "string" || !Object.hasOwn(READERS, dtype)) {
    throw new Error(`tensor "${name}" has the unknown type ${JSON.stringify(dtype)}`);
  }
  if (!isCounts(shape) || !isCounts(data_offsets) || data_offsets.length !== 2) {
    throw new Error(`tensor "${name}" has no sound shape or range`);
  }
  const [from, to] = data_offsets;
  const count = shape.reduce((product, size) => product * size, 1);
  if (from > to || to > available || to - from !== count * READERS[dtype].bytes) {
    throw new Error(`tensor "${name}" of shape [${shape.join(", ")}] does not fit its range`);
  }
  return { type: dtype, shape, from, to };
}

function convert(
  name: string,
  type: string,
  part: Uint8Array<ArrayBuffer>,
  views: boolean,
): Float32Array<ArrayBuffer> {
  const { bytes: size, read } = READERS[type];
  const { buffer, byteOffset, length } = part;
  let data: Float32Array<ArrayBuffer>;
  if (type !== "F32") {
    const view = new DataView(buffer, byteOffset, length);
    data = Float32Array.from({ length: length / size }, (_, i) => read(view, i * size));
  } else if (views && byteOffset % 4 === 0) {
    data = new Float32Array(buffer, byteOffset, length / 4);
  } else data = new Float32Array(part.slice().buffer);
  const wrong = data.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) throw new Error(`element ${wrong} of tensor "${name}" is not finite`);
  return data;
}

/** Length and header of a file of f32 tensors; their data follow in the same order. */
export function safetensorsHead(
  tensors: Map<string, WeightTensor>,
  metadata: Record<string, string> = {},
): Uint8Array<ArrayBuffer> {
  const header: Record<string, unknown> = {};
  if (Object.keys(metadata).length) header.__metadata__ = metadata;
  let end = 0;
  for (const [name, { shape, data }] of tensors) {
    header[name] = { dtype: "F32", shape, data_offsets: [end, end += data.byteLength] };
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  // Spaces up to a multiple of 8 keep the data aligned.
  const length = Math.ceil(text.length / 8) * 8;
  if (length > MOST_HEADER_BYTES) {
    throw new InvalidInput(`Cannot write a safetensors header of ${length} bytes: above 1 MiB`);
  }
  const bytes = new Uint8Array(8 + length).fill(32, 8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(text, 8);
  return bytes;
}

/** A file of f32 tensors, part by part. */
export function* safetensorsParts(
  tensors: Map<string, WeightTensor>,
  metadata: Record<string, string> = {},
): Generator<Uint8Array<ArrayBuffer>> {
  yield safetensorsHead(tensors, metadata);
  for (const { data } of tensors.values()) {
    yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
}

/** The same as a whole. */
export function writeSafetensors(
  tensors: Map<string, WeightTensor>,
  metadata: Record<string, string> = {},
): Uint8Array<ArrayBuffer> {
  const parts = [...safetensorsParts(tensors, metadata)];
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) &&
    value.every((item) => Number.isSafeInteger(item) && item >= 0 && item <= 2 ** 40);
}
