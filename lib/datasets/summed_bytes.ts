/**
 * Bytes that can be made again are kept with a SHA-256 behind them, of themselves and of what they are: what is
 * damaged, or stands in the place of another, is made again.
 */
import { createHash } from "node:crypto";

export const SUM_BYTES = 32;

/**
 * In parts: a typed array may be larger than what one call takes.
 * @param name what the bytes are, another for others
 */
export function sumOf(name: string, bytes: Uint8Array): Uint8Array {
  const hash = createHash("sha256").update(`${name}\n`);
  for (let at = 0; at < bytes.length; at += 2 ** 26) hash.update(bytes.subarray(at, at + 2 ** 26));
  return hash.digest();
}

/** The bytes before their sum; undefined where that is another. */
export function summedBytes(
  name: string,
  held: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> | undefined {
  const length = held.length - SUM_BYTES;
  if (length < 0) return undefined;
  const bytes = held.subarray(0, length);
  return sumOf(name, bytes).every((byte, i) => byte === held[length + i]) ? bytes : undefined;
}
