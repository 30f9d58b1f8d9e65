/** Files as they lie on a disk: written and synced, hashed, measured. */
import { createHash } from "node:crypto";
import { InvalidInput } from "@/lib/errors.ts";

export interface Content {
  sha256: string;
  bytes: number;
}

/** Bytes that are hashed or written at once: it takes a thousandth of a second, and others have their turn in between. */
const PIECE = 2 ** 19;

export function* pieces(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += PIECE) yield bytes.subarray(at, at + PIECE);
}

/** The rest of a file, read in pieces; `each` gets one after the other. */
export async function contentOf(
  file: Deno.FsFile,
  each?: (piece: Uint8Array) => Promise<void>,
): Promise<Content> {
  const hash = createHash("sha256");
  const piece = new Uint8Array(PIECE);
  let bytes = 0;
  for (let n = await file.read(piece); n !== null; n = await file.read(piece)) {
    hash.update(piece.subarray(0, n));
    await each?.(piece.subarray(0, n));
    bytes += n;
  }
  return { sha256: hash.digest("hex"), bytes };
}

/** Of a file that somebody else has written, which is on the disk afterwards. */
export async function syncedContentOf(path: string): Promise<Content> {
  using file = await Deno.open(path, { read: true, write: true });
  const content = await contentOf(file);
  await file.sync();
  return content;
}

export async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
}

/**
 * Writes, counts, hashes and syncs a new file; it is removed again when anything fails.
 * @throws {InvalidInput} beyond `maxBytes`
 */
export async function writeSynced(
  path: string,
  data: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  maxBytes = Infinity,
): Promise<Content> {
  const file = await Deno.open(path, { write: true, createNew: true });
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    for await (const chunk of data) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw new InvalidInput(`Cannot store more than ${maxBytes} bytes`);
      hash.update(chunk);
      await writeAll(file, chunk);
    }
    await file.sync();
    file.close();
  } catch (error) {
    file.close();
    Deno.removeSync(path);
    throw error;
  }
  return { sha256: hash.digest("hex"), bytes };
}

/** Bytes; undefined where there is no such file. */
export async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await Deno.stat(path)).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** A rename is on disk once its directory is. */
export function syncDirectory(path: string): void {
  const directory = Deno.openSync(path);
  try {
    directory.syncSync();
  } finally {
    directory.close();
  }
}
