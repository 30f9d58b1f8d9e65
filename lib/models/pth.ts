/**
 * Reads weights from PyTorch's `.pth`/`.pt` files: ZIP files (`torch.save` since version 1.6) and those of
 * before. Only tensors and dictionaries are understood and nothing is executed; see `pickle.ts`.
 */
import { InvalidInput } from "@/lib/errors.ts";
import { bfloatToNumber } from "./bfloat.ts";
import { type Pickled, PickledTensor } from "./pickle.ts";
import type { PickledCheckpoint } from "./pickled_checkpoint.ts";
import { isLegacy, openLegacy } from "./pth_legacy.ts";
import { openZip } from "./pth_zip.ts";

/** Dense values in row-major order, converted to f32. */
export interface WeightTensor {
  shape: number[];
  data: Float32Array<ArrayBuffer>;
  /** Of a file whose numbers are whole; absent otherwise. */
  integer?: true;
}

const MOST_BYTES = 2 ** 31;

const READERS: Record<string, { bytes: number; read(view: DataView, at: number): number }> = {
  Float: { bytes: 4, read: (view, at) => view.getFloat32(at, true) },
  Double: { bytes: 8, read: (view, at) => view.getFloat64(at, true) },
  Half: { bytes: 2, read: (view, at) => view.getFloat16(at, true) },
  BFloat16: { bytes: 2, read: (view, at) => bfloatToNumber(view.getUint16(at, true)) },
  Long: { bytes: 8, read: (view, at) => Number(view.getBigInt64(at, true)) },
  Int: { bytes: 4, read: (view, at) => view.getInt32(at, true) },
  Short: { bytes: 2, read: (view, at) => view.getInt16(at, true) },
  Char: { bytes: 1, read: (view, at) => view.getInt8(at) },
  Byte: { bytes: 1, read: (view, at) => view.getUint8(at) },
  Bool: { bytes: 1, read: (view, at) => view.getUint8(at) },
};

const FLOATS = new Set(["Float", "Double", "Half", "BFloat16"]);

/**
 * Tensors of a checkpoint by name. Nested dictionaries are joined by dots, a `state_dict` (or `model`)
 * around them and DistributedDataParallel's `module.` are taken off; whatever is no tensor is left out.
 * @throws {InvalidInput} when the file is no PyTorch file, names other objects, or its sizes do not fit
 */
export async function readPth(bytes: Uint8Array): Promise<Map<string, WeightTensor>> {
  try {
    return await readTensors(
      isLegacy(bytes) ? openLegacy(bytes) : await openZip(bytes),
    );
  } catch (error) {
    throw new InvalidInput(`Cannot read PyTorch file: ${(error as Error).message}`);
  }
}

async function readTensors(
  { root, storage }: PickledCheckpoint,
): Promise<Map<string, WeightTensor>> {
  const tensors = new Map<string, PickledTensor>();
  collect(unwrap(root), "", tensors, 0);
  if (tensors.size === 0) throw new Error("it holds no tensor");
  const weights = new Map<string, WeightTensor>();
  const storages = new Map<string, Uint8Array>();
  for (const [name, tensor] of tensors) {
    const { key } = tensor.storage;
    if (!storages.has(key)) {
      const data = await storage(tensor.storage);
      if (!data) throw new Error(`the data of tensor "${name}" are missing`);
      storages.set(key, data);
    }
    weights.set(name.replace(/^module\./, ""), dense(name, tensor, storages.get(key)!));
  }
  return weights;
}

function unwrap(root: Pickled): Pickled {
  if (root instanceof Map) {
    for (const key of ["state_dict", "model"]) {
      const inner = root.get(key);
      if (inner instanceof Map) return inner;
    }
  }
  return root;
}

function collect(value: Pickled, path: string, into: Map<string, PickledTensor>, depth: number) {
  if (value instanceof PickledTensor) into.set(path, value);
  else if (value instanceof Map && depth < 8) {
    for (const [key, item] of value) collect(item, path ? `${path}.${key}` : key, into, depth + 1);
  }
}

function dense(name: string, tensor: PickledTensor, storage: Uint8Array): WeightTensor {
  const { shape, strides } = tensor;
  const offset = tensor.storage.from + tensor.offset;
  const { bytes, read } = READERS[tensor.storage.type];
  const count = shape.reduce((product, size) => product * size, 1);
  const last = shape.reduce((sum, size, i) => sum + (size - 1) * strides[i], offset);
  if (count > MOST_BYTES / 4 || (count > 0 && (last + 1) * bytes > storage.length)) {
    throw new Error(`shape [${shape}] of tensor "${name}" is beyond its data`);
  }
  const view = new DataView(storage.buffer, storage.byteOffset, storage.byteLength);
  const data = new Float32Array(count);
  const index = new Array(shape.length).fill(0);
  let at = offset;
  for (let i = 0; i < count; i++) {
    data[i] = read(view, at * bytes);
    if (!Number.isFinite(data[i])) {
      throw new Error(`element ${i} of tensor "${name}" is not finite`);
    }
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += strides[axis];
      if (++index[axis] < shape[axis]) break;
      at -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  const integer = !FLOATS.has(tensor.storage.type);
  return integer ? { shape, data, integer } : { shape, data };
}
