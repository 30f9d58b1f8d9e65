/**
 * Content-addressed files: `files/ab/abcdef...` holds the bytes whose SHA-256 is `abcdef...`.
 * A file is on disk, whole and synced, before `put` answers; rows come after.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { InvalidInput } from "@/lib/errors.ts";
import type { SharedFiles } from "./shared_files.ts";
import { StoredFiles } from "./stored_files.ts";

export interface StoredFile {
  sha256: string;
  bytes: number;
}

export interface PutOptions {
  /** More bytes than this are refused with InvalidInput. */
  maxBytes?: number;
}

export class Files extends StoredFiles {
  /** Files that a caller has put and not yet settled (by rows or by dropping them). */
  readonly #held = new Map<string, number>();
  /** Where several servers have their files; set once, before the first is asked for. */
  shared?: SharedFiles;

  constructor(directory: string, readonly temporary: string) {
    super(directory);
    Deno.mkdirSync(directory, { recursive: true });
    Deno.mkdirSync(temporary, { recursive: true });
  }

  /** A new path under `tmp/`, for callers that write a file themselves and then `adopt` it. */
  temporaryPath(): string {
    return `${this.temporary}/${crypto.randomUUID()}`;
  }

  /**
   * Stores bytes or a stream of them: counted, hashed, written to a temporary file, synced,
   * renamed. The file is pinned (see `unpin`) until the caller settles it.
   */
  async put(
    data: Uint8Array | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>,
    options: PutOptions = {},
  ): Promise<StoredFile> {
    const temporary = this.temporaryPath();
    const written = await writeSynced(temporary, data, options.maxBytes ?? Infinity);
    return this.#adopt(temporary, written);
  }

  /** Moves a synced file made elsewhere under `tmp/` to its place; `put` for large results. */
  async adopt(temporary: string): Promise<StoredFile> {
    const file = await Deno.open(temporary, { read: true, write: true });
    const hash = createHash("sha256");
    let bytes = 0;
    try {
      const chunk = new Uint8Array(1 << 18);
      for (let n = await file.read(chunk); n !== null; n = await file.read(chunk)) {
        hash.update(chunk.subarray(0, n));
        bytes += n;
      }
      await file.sync();
    } finally {
      file.close();
    }
    return this.#adopt(temporary, { sha256: hash.digest("hex"), bytes });
  }

  #adopt(temporary: string, written: StoredFile): StoredFile {
    // Pinned first: nobody may remove an equal file between here and the caller's row.
    this.#held.set(written.sha256, (this.#held.get(written.sha256) ?? 0) + 1);
    this.settle(temporary, written.sha256);
    return written;
  }

  /** Moves a synced file to its place, or removes it where its like is there already. */
  settle(temporary: string, sha256: string): void {
    const target = this.path(sha256);
    const directory = target.slice(0, target.lastIndexOf("/"));
    if (existsSync(target)) Deno.removeSync(temporary);
    else {
      if (!existsSync(directory)) {
        Deno.mkdirSync(directory, { recursive: true });
        syncDirectory(this.directory);
      }
      Deno.renameSync(temporary, target);
      syncDirectory(directory);
    }
  }

  override async fetch(sha256: string, what?: string): Promise<void> {
    await this.shared?.fetch(sha256, what);
  }

  isPinned(sha256: string): boolean {
    return this.#held.has(sha256);
  }

  /** Takes back one pin of each file. */
  unpin(sha256s: Iterable<string>): void {
    for (const sha256 of sha256s) {
      const count = (this.#held.get(sha256) ?? 0) - 1;
      if (count > 0) this.#held.set(sha256, count);
      else this.#held.delete(sha256);
    }
  }

  /** Removes a file at once; callers ask `Store.collectGarbage`, which knows what is referred to. */
  remove(sha256: string): void {
    try {
      Deno.removeSync(this.path(sha256));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  /** Empties `tmp/`; for the start only. */
  emptyTemporary(): number {
    let count = 0;
    for (const entry of Deno.readDirSync(this.temporary)) {
      Deno.removeSync(`${this.temporary}/${entry.name}`, { recursive: true });
      count++;
    }
    return count;
  }

  /** The SHA-256 of every stored file. */
  *stored(): Generator<string> {
    for (const folder of Deno.readDirSync(this.directory)) {
      if (!folder.isDirectory) continue;
      for (const entry of Deno.readDirSync(`${this.directory}/${folder.name}`)) yield entry.name;
    }
  }
}

/** Writes, counts, hashes and syncs a new file; it is removed again when anything fails. */
async function writeSynced(
  path: string,
  data: Uint8Array | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<StoredFile> {
  const file = await Deno.open(path, { write: true, createNew: true });
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    for await (const chunk of data instanceof Uint8Array ? [data] : data) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw new InvalidInput(`Cannot store more than ${maxBytes} bytes`);
      hash.update(chunk);
      for (let at = 0; at < chunk.length;) at += await file.write(chunk.subarray(at));
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

/** A rename is on disk once its directory is. */
export function syncDirectory(path: string): void {
  const directory = Deno.openSync(path);
  try {
    directory.syncSync();
  } finally {
    directory.close();
  }
}
