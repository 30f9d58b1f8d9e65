/** Files of a data directory or a backup of it: both have the same layout. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { syncDirectory } from "@/lib/store/files.ts";

export const DATABASE = "mcgip.db";
export const SECRET = "secret.key";

/** Where a stored file lies below a data directory. */
export const placeOf = (sha256: string) => `files/${sha256.slice(0, 2)}/${sha256}`;

export interface Copied {
  sha256: string;
  bytes: number;
}

/**
 * Copies a file to a new place, synced, and tells what its bytes were.
 * @throws {Deno.errors.NotFound} when there is none
 */
export async function copyFile(from: string, to: string): Promise<Copied> {
  using source = await Deno.open(from, { read: true });
  await Deno.mkdir(dirname(to), { recursive: true, mode: 0o700 });
  using target = await Deno.open(to, { write: true, createNew: true, mode: 0o600 });
  const copied = await hashed(source, async (chunk) => {
    for (let at = 0; at < chunk.length;) at += await target.write(chunk.subarray(at));
  });
  await target.sync();
  return copied;
}

/** @throws {Deno.errors.NotFound} when there is none */
export async function hashFile(path: string): Promise<Copied> {
  using file = await Deno.open(path, { read: true });
  return await hashed(file);
}

async function hashed(
  file: Deno.FsFile,
  each?: (chunk: Uint8Array) => Promise<void>,
): Promise<Copied> {
  const hash = createHash("sha256");
  const chunk = new Uint8Array(2 ** 20);
  let bytes = 0;
  for (let n = await file.read(chunk); n !== null; n = await file.read(chunk)) {
    hash.update(chunk.subarray(0, n));
    await each?.(chunk.subarray(0, n));
    bytes += n;
  }
  return { sha256: hash.digest("hex"), bytes };
}

/** All files below a folder, as paths below it; none where it is not there. */
export async function filesBelow(folder: string): Promise<string[]> {
  const found: string[] = [];
  try {
    for await (const entry of Deno.readDir(folder)) {
      if (entry.isFile) found.push(entry.name);
      if (!entry.isDirectory) continue;
      for (const path of await filesBelow(`${folder}/${entry.name}`)) {
        found.push(`${entry.name}/${path}`);
      }
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return found.sort();
}

/** A folder and all below it are on disk. */
export function syncFolders(folder: string): void {
  for (const entry of Deno.readDirSync(folder)) {
    if (entry.isDirectory) syncFolders(`${folder}/${entry.name}`);
  }
  syncDirectory(folder);
}

/**
 * Makes a folder whole or not at all: `fill` works on one beside it, which gets the name in the end.
 * @throws {Error} where `folder` is there already
 */
export async function makeWhole<T>(
  folder: string,
  fill: (partial: string) => Promise<T>,
): Promise<T> {
  const partial = `${folder}.partial-${Deno.pid}`;
  Deno.mkdirSync(dirname(folder), { recursive: true });
  Deno.mkdirSync(partial, { mode: 0o700 });
  try {
    const result = await fill(partial);
    syncFolders(partial);
    // An empty folder of that name gives way; anything else does not.
    if (existsSync(folder) && Deno.statSync(folder).isDirectory) Deno.removeSync(folder);
    Deno.renameSync(partial, folder);
    syncDirectory(dirname(folder));
    return result;
  } catch (error) {
    Deno.removeSync(partial, { recursive: true });
    throw error;
  }
}
