/** Weights in a file from elsewhere, safetensors or PyTorch's. */
import { readPth, type WeightTensor } from "./pth.ts";
import { readSafetensors } from "./safetensors.ts";

/** @throws {InvalidInput} for a damaged file, or a number that is not finite */
export async function readWeightsFile(bytes: Uint8Array): Promise<Map<string, WeightTensor>> {
  return isSafetensors(bytes) ? readSafetensors(bytes).tensors : await readPth(bytes);
}

/** The length of a JSON header that is there; the length's bytes alone can look like any other format. */
function isSafetensors(bytes: Uint8Array): boolean {
  if (bytes.length < 10) return true;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  return bytes[8] === 0x7b && length <= bytes.length - 8;
}
