/** Any picture, DICOM too, as a small PNG that a browser can show. */
import { decodePool } from "./decode_pool.ts";
import type { ViewOptions } from "./view.ts";

/**
 * @param options.side longer side at most, pixels; a smaller picture keeps its size
 * @throws {InvalidInput} for what is no picture, or cannot be shown as `view` says; {Overloaded}
 */
export async function scaledPng(
  encoded: Uint8Array<ArrayBuffer>,
  { side, view }: { side: number; view?: ViewOptions },
): Promise<Uint8Array<ArrayBuffer>> {
  // The bytes go to the thread that looks at them, and come back.
  const { header: { width, height }, bytes } = await decodePool.check(encoded.slice());
  const scale = Math.min(1, side / Math.max(width, height));
  const scaled = (pixels: number) => Math.max(1, Math.round(pixels * scale));
  const size: [number, number] = [scaled(width), scaled(height)];
  return (await decodePool.toPng(bytes, { view, size, bits: 8 })).png;
}
