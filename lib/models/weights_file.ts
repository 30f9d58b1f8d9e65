/** Weights in a file from elsewhere, safetensors or PyTorch's. */
import type { Weights } from "./backbone_spec.ts";
import { readPth } from "./pth.ts";
import { readSafetensors } from "./safetensors.ts";

export interface WeightsFile {
  format: "safetensors" | "pth";
  tensors: Weights;
  /** Free texts of a safetensors file. */
  metadata: Record<string, string>;
}

/** @throws {InvalidInput} for a damaged file, or a number that is not finite */
export async function readWeightsFile(bytes: Uint8Array): Promise<WeightsFile> {
  return isSafetensors(bytes)
    ? { format: "safetensors", ...readSafetensors(bytes) }
    : { format: "pth", tensors: await readPth(bytes), metadata: {} };
}

/** The length of a JSON header that is there; the length's bytes alone can look like any other format. */
function isSafetensors(bytes: Uint8Array): boolean {
  if (bytes.length < 10) return true;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  return bytes[8] === 0x7b && length <= bytes.length - 8;
}
