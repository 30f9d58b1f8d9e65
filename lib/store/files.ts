/**
 * Content-addressed files: `files/ab/abcdef...` holds the bytes whose SHA-256 is `abcdef...`.
 * A file is on disk, whole and synced, before `put` answers; rows come after.
 */
import { existsSync } from "node:fs";
import { isDiskFull } from "@/lib/errors.ts";
import { type Content, pieces, syncDirectory, syncedContentOf, writeSynced } from "./disk_files.ts";
import type { SharedFiles } from "./shared_files.ts";
import { StoredFiles } from "./stored_files.ts";

export type StoredFile = Content;

export interface PutOptions {
  /** More bytes than this are refused with InvalidInput. */
  maxBytes?: number;
}

export class Files extends StoredFiles {
  /**
   * Files that a caller has put and not yet settled (by rows or by dropping them): for each time a second name of
   * it under `tmp/`, where the file system has such, since other threads and processes do not see this map.
   */
  readonly #held = new Map<string, (string | undefined)[]>();
  /** Where several servers have their files; set once, before the first is asked for. */
  shared?: SharedFiles;
  /** Told that a damaged file has given way to a sound one. */
  onReplaced: (message: string) => void = console.error;

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
    const content = data instanceof Uint8Array ? pieces(data) : data;
    const written = await writeSynced(temporary, content, options.maxBytes);
    return await this.#adopt(temporary, written);
  }

  /** Moves a synced file made elsewhere under `tmp/` to its place; `put` for large results. */
  async adopt(temporary: string): Promise<StoredFile> {
    return await this.#adopt(temporary, await syncedContentOf(temporary));
  }

  /** What is there already under its name is looked at: a damaged file gives way. */
  async #adopt(temporary: string, written: StoredFile): Promise<StoredFile> {
    const { sha256, bytes } = written;
    const replace = await this.stateOf(sha256, bytes) === "damaged";
    const copies = this.#held.get(sha256) ?? [];
    // Pinned first: nobody may remove an equal file between here and the caller's row.
    this.#held.set(sha256, copies);
    copies.push(this.#place(sha256, temporary, replace) ? temporary : undefined);
    if (replace) {
      this.onReplaced(
        `A damaged stored file was replaced by what came in again: ${sha256.slice(0, 12)}`,
      );
    }
    return written;
  }

  /** Moves a synced file to its place, whatever is there. */
  settle(temporary: string, sha256: string): void {
    if (this.#place(sha256, temporary, true)) Deno.removeSync(temporary);
  }

  override async fetch(sha256: string, what?: string): Promise<void> {
    await this.shared?.fetch(sha256, what);
  }

  protected override async renew(sha256: string, what?: string): Promise<boolean> {
    if (!this.shared) return false;
    await this.shared.renew(sha256, what);
    this.onReplaced(`A damaged copy of a stored file was fetched anew: ${sha256.slice(0, 12)}`);
    return true;
  }

  /**
   * Gives a file its name by content, where no other has it; whether the one that it had is still there.
   * @param replace the other gives way, at once
   */
  #place(sha256: string, temporary: string, replace = false): boolean {
    const target = this.path(sha256);
    if (existsSync(target)) {
      if (!replace) return true;
      Deno.renameSync(temporary, target);
      syncDirectory(target.slice(0, target.lastIndexOf("/")));
      return linked(target, temporary);
    }
    const directory = target.slice(0, target.lastIndexOf("/"));
    if (!existsSync(directory)) {
      Deno.mkdirSync(directory, { recursive: true });
      syncDirectory(this.directory);
    }
    const both = linked(temporary, target);
    if (!both) Deno.renameSync(temporary, target);
    syncDirectory(directory);
    return both;
  }

  /** Whether a file that the caller has put is there; one that was removed elsewhere meanwhile comes back. */
  keep(sha256: string): boolean {
    if (this.has(sha256)) return true;
    const copies = this.#held.get(sha256) ?? [];
    const at = copies.findIndex((copy) => copy !== undefined);
    if (at < 0) return false;
    if (!this.#place(sha256, copies[at]!)) copies[at] = undefined;
    return true;
  }

  isPinned(sha256: string): boolean {
    return this.#held.has(sha256);
  }

  /** Takes back one pin of each file. */
  unpin(sha256s: Iterable<string>): void {
    for (const sha256 of sha256s) {
      const copies = this.#held.get(sha256);
      const copy = copies?.pop();
      if (copy !== undefined) Deno.removeSync(copy);
      if (copies?.length === 0) this.#held.delete(sha256);
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

  /** Empties `tmp/`, but for what `isInUse` says of a path; for the start only. */
  emptyTemporary(isInUse: (path: string) => boolean = () => false): void {
    for (const entry of Deno.readDirSync(this.temporary)) {
      const path = `${this.temporary}/${entry.name}`;
      if (!isInUse(path)) Deno.removeSync(path, { recursive: true });
    }
  }

  /** The SHA-256 of every stored file. */
  *stored(): Generator<string> {
    for (const folder of Deno.readDirSync(this.directory)) {
      if (!folder.isDirectory) continue;
      for (const entry of Deno.readDirSync(`${this.directory}/${folder.name}`)) yield entry.name;
    }
  }
}

/** A second name for a file; false where the file system has no such. */
function linked(path: string, name: string): boolean {
  try {
    Deno.linkSync(path, name);
    return true;
  } catch (error) {
    if (isDiskFull(error)) throw error;
    return error instanceof Deno.errors.AlreadyExists;
  }
}
