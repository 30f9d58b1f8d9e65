/**
 * PyTorch's files of before version 1.6, which `_use_new_zipfile_serialization=False` still writes: pickles of a
 * magic number, a protocol, the writer's machine, the object and a list of storages, whose data follow.
 * Source: `torch/serialization.py` of PyTorch 1.13, `_legacy_load`.
 */
import { readPickleAt } from "./pickle.ts";
import type { PickledCheckpoint } from "./pickled_checkpoint.ts";

const MAGIC = Number(0x1950a86a20f9469cfc6cn);
const PROTOCOL = 1001;

/** Bytes of an element of each type of storage. */
const ELEMENT: Record<string, number> = {
  ...{ Double: 8, Long: 8, Float: 4, Int: 4, Half: 2, BFloat16: 2, Short: 2 },
  ...{ Char: 1, Byte: 1, Bool: 1 },
};

/** Whether a file begins like a pickle of protocol 2 or later: ZIP files do not. */
export function isLegacy(bytes: Uint8Array): boolean {
  return bytes[0] === 0x80 && bytes[1] >= 2 && bytes[1] <= 5;
}

/** @throws {Error} when it is no such file, or cut off */
export function openLegacy(bytes: Uint8Array): PickledCheckpoint {
  let at = 0;
  const types = new Map<string, string>();
  const next = () => {
    const { value, end, storages } = readPickleAt(bytes, at);
    for (const [key, type] of storages) types.set(key, type);
    at = end;
    return value;
  };
  if (next() !== MAGIC) throw new Error("it is a pickle without PyTorch's magic number");
  const protocol = next();
  if (protocol !== PROTOCOL) throw new Error(`its protocol is ${protocol}, ${PROTOCOL} expected`);
  const machine = next();
  if (machine instanceof Map && machine.get("little_endian") === false) {
    throw new Error("its bytes are in big-endian order; save it on a little-endian machine");
  }
  const root = next();
  const keys = next();
  if (!Array.isArray(keys) || !keys.every((key) => typeof key === "string")) {
    throw new Error("it has no list of storages");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts = new Map<string, Uint8Array>();
  for (const key of keys as string[]) {
    const size = ELEMENT[types.get(key) ?? ""];
    if (size === undefined) throw new Error(`storage "${key}" belongs to no tensor`);
    if (at + 8 > bytes.length) throw new Error("it ends too early");
    const length = Number(view.getBigInt64(at, true)) * size;
    at += 8;
    if (!(length >= 0 && length <= bytes.length - at)) throw new Error("it ends too early");
    parts.set(key, bytes.subarray(at, at + length));
    at += length;
  }
  return { root, storage: ({ key }) => parts.get(key) };
}
