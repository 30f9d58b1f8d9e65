/** Weights in a file from elsewhere, safetensors or PyTorch's. */
import type { Weights } from "./backbone_spec.ts";
import { InvalidInput } from "@/lib/errors.ts";
import { readPth } from "./pth.ts";
import { isLegacy } from "./pth_legacy.ts";
import { readSafetensors } from "./safetensors.ts";

export interface WeightsFile {
  format: "safetensors" | "pth";
  tensors: Weights;
  /** Free texts of a safetensors file. */
  metadata: Record<string, string>;
}

/** Bytes of a file's beginning that tell what it may be. */
const HEAD = 32;

/**
 * The file at `path`; one that cannot be weights is refused by its first bytes, before all of it is in memory.
 * @throws {InvalidInput} for a damaged file, or a number that is not finite
 */
export async function readWeights(path: string): Promise<WeightsFile> {
  const { size } = await Deno.stat(path);
  const head = new Uint8Array(Math.min(size, HEAD));
  {
    using file = await Deno.open(path);
    await file.read(head);
  }
  // A short file is cheap, and its own reader says best what is wrong with it.
  const known = size <= HEAD || isSafetensors(head, size) || isLegacy(head) || isZip(head);
  if (!known) {
    throw new InvalidInput(
      "Cannot read these weights: the file begins as neither safetensors nor a PyTorch file (.pth) does",
    );
  }
  return await readWeightsFile(await Deno.readFile(path));
}

const isZip = (bytes: Uint8Array) => bytes[0] === 0x50 && bytes[1] === 0x4b;

/** @throws {InvalidInput} for a damaged file, or a number that is not finite */
export async function readWeightsFile(bytes: Uint8Array): Promise<WeightsFile> {
  return isSafetensors(bytes)
    ? { format: "safetensors", ...readSafetensors(bytes, { views: true }) }
    : { format: "pth", tensors: await readPth(bytes), metadata: {} };
}

/** The length of a JSON header that is there; the length's bytes alone can look like any other format. */
function isSafetensors(bytes: Uint8Array, size = bytes.length): boolean {
  if (bytes.length < 10) return true;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  return bytes[8] === 0x7b && length <= size - 8;
}
