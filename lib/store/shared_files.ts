/**
 * Stored files of several servers: the bucket has all of them, the local directory those that were used last.
 * Nothing is removed from the bucket at once: what nothing refers to goes after a week, so that every backup of
 * the database from that week finds its files.
 */
import { Conflict, Damaged, isDiskFull, NotFound } from "@/lib/errors.ts";
import type { Database } from "./database.ts";
import { sizeOf, syncedContentOf } from "./disk_files.ts";
import { keyOf, type Ownership, type Remote } from "./remote.ts";
import { adviceFor } from "./stored_files.ts";

const DAY_MS = 24 * 3600 * 1000;
/** How long what nothing refers to is kept. */
const KEPT_MS = 7 * DAY_MS;
/** Uploads of one commit that run side by side. */
const LANES = 8;
/** Looked at in one sweep. */
const MOST_SWEPT = 500;

export interface Local {
  path(sha256: string): string;
  temporaryPath(): string;
  /** Moves a whole file to its place, whatever is there. */
  settle(temporary: string, sha256: string): void;
  isPinned(sha256: string): boolean;
  /** Brings back one that was put here and was removed elsewhere meanwhile; false where it cannot. */
  keep(sha256: string): boolean;
  remove(sha256: string): void;
  stored(): Iterable<string>;
}

export class SharedFiles {
  readonly #underWay = new Map<string, Promise<void>>();
  /** When each was used last by this process, ms since 1970. */
  readonly #used = new Map<string, number>();
  /** Bytes in the directory; undefined until it was looked at. */
  #bytes?: number;

  /**
   * @param owner of `remote`: nothing is put there, nor removed, that is another database's place
   * @param most bytes that the directory keeps, beside what is pinned; undefined: all
   */
  constructor(
    readonly local: Local,
    readonly remote: Remote,
    readonly db: Database,
    readonly owner: Ownership,
    readonly most?: number,
  ) {}

  /**
   * Brings a file into the directory, where it is not there.
   * @throws {Damaged} when the bucket does not have it, or has other bytes
   * @throws {Unavailable} when the bucket is away
   */
  async fetch(sha256: string, what = "what is asked for"): Promise<void> {
    this.#used.set(sha256, Date.now());
    if (await sizeOf(this.local.path(sha256)) === undefined) await this.#bring(sha256, what);
  }

  /** The same, in place of a damaged one that is there. @throws as `fetch` does */
  async renew(sha256: string, what = "what is asked for"): Promise<void> {
    this.#used.set(sha256, Date.now());
    await this.#bring(sha256, what);
  }

  async #bring(sha256: string, what: string): Promise<void> {
    const fetching = this.#underWay.get(sha256) ?? this.#download(sha256, what);
    this.#underWay.set(sha256, fetching);
    try {
      await fetching;
    } finally {
      this.#underWay.delete(sha256);
    }
  }

  async #download(sha256: string, what: string): Promise<void> {
    const temporary = this.local.temporaryPath();
    const bytes = await this.#inRoom(() => this.#get(sha256, temporary, what));
    this.local.settle(temporary, sha256);
    await this.#added(bytes);
  }

  /** On a full disk once more, in the room of half of what is kept here: the bucket has it. */
  async #inRoom<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      if (!isDiskFull(error) || await this.#evict((bytes) => bytes / 2) === 0) throw error;
      return await action();
    }
  }

  /** Brings a file to a place outside the directory of files. @throws as `fetch` does */
  async receive(sha256: string, to: string, what: string): Promise<void> {
    const temporary = this.local.temporaryPath();
    await this.#get(sha256, temporary, what);
    await Deno.rename(temporary, to);
  }

  async #get(sha256: string, temporary: string, what: string): Promise<number> {
    try {
      await this.remote.get(keyOf(sha256), temporary);
    } catch (error) {
      if (!(error instanceof NotFound)) throw error;
      throw new Damaged(
        `Cannot use ${what}: its stored file ${
          sha256.slice(0, 12)
        } is missing in ${this.remote.name}; ${adviceFor(what)}`,
      );
    }
    const found = await syncedContentOf(temporary);
    if (found.sha256 === sha256) return found.bytes;
    await Deno.remove(temporary);
    throw new Damaged(
      `Cannot use ${what}: its stored file ${
        sha256.slice(0, 12)
      } in ${this.remote.name} no longer holds the bytes that were stored; ${adviceFor(what)}`,
    );
  }

  /**
   * Makes sure that the bucket has the files, before rows refer to them. Each is told to the database first: from
   * then on it is kept for a week, whatever refers to it. What came in again is sent again: the one in the bucket may
   * be damaged, and to read it would cost as much.
   * @throws {Conflict} where one is nowhere any more
   */
  async publish(sha256s: Iterable<string>): Promise<void> {
    const waiting = [...new Set(sha256s)];
    await Promise.all(Array.from({ length: LANES }, async () => {
      for (let sha256 = waiting.pop(); sha256 !== undefined; sha256 = waiting.pop()) {
        await this.#publish(sha256);
      }
    }));
  }

  async #publish(sha256: string): Promise<void> {
    const path = this.local.path(sha256);
    this.local.keep(sha256);
    try {
      if (!await this.send(sha256, path, { again: await sizeOf(path) !== undefined })) return;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      throw new Conflict(`Cannot keep file ${sha256}: it was removed meanwhile, try again`);
    }
    this.#used.set(sha256, Date.now());
    await this.#added(await sizeOf(path) ?? 0);
  }

  /**
   * Makes sure that the bucket has the file at `path`; false where it had it.
   * @param options.again sends it even so
   * @throws {Deno.errors.NotFound} when neither has it
   * @throws {Unavailable} as `Ownership.assert` does
   */
  async send(sha256: string, path: string, { again = false } = {}): Promise<boolean> {
    await this.owner.assert();
    const { clock } = this.db;
    const known = await this.db.run(
      `UPDATE blobs SET touched_at = ${clock} WHERE sha256 = ?`,
      sha256,
    );
    if (known === 0) {
      await this.db.run(
        `INSERT INTO blobs (sha256, touched_at) VALUES (?, ${clock})
         ON CONFLICT (sha256) DO UPDATE SET touched_at = excluded.touched_at`,
        sha256,
      );
    }
    // A row may stand for an upload that was broken off.
    if (!again && known > 0 && await this.remote.has(keyOf(sha256))) return false;
    await Deno.stat(path);
    await this.remote.put(keyOf(sha256), path, sha256);
    return true;
  }

  /** Removes from the bucket what nothing has referred to for a week; the number of files. @throws as `Ownership.check` does */
  async sweep(): Promise<number> {
    await this.owner.check();
    const old = `touched_at < ${this.db.clock} - ${KEPT_MS} AND NOT EXISTS
      (SELECT 1 FROM file_references WHERE file_references.sha256 = blobs.sha256)`;
    const rows = await this.db.all<{ sha256: string }>(
      `SELECT sha256 FROM blobs WHERE ${old} LIMIT ${MOST_SWEPT}`,
    );
    let removed = 0;
    for (const { sha256 } of rows) {
      await this.db.transaction(async () => {
        // Whoever puts the same file now waits for this row, and then puts it again.
        const still = await this.db.get(
          `SELECT 1 AS still FROM blobs WHERE sha256 = ? AND ${old} FOR UPDATE`,
          sha256,
        );
        if (!still) return;
        await this.remote.remove(keyOf(sha256));
        await this.db.run("DELETE FROM blobs WHERE sha256 = ?", sha256);
        removed++;
      });
    }
    return removed;
  }

  async #added(bytes: number): Promise<void> {
    if (this.most === undefined) return;
    if (this.#bytes === undefined) await this.#look();
    else this.#bytes += bytes;
    if (this.#bytes! > this.most) await this.#evict(() => 0.9 * this.most!);
  }

  async #look(): Promise<void> {
    let bytes = 0;
    for (const sha256 of this.local.stored()) {
      bytes += await sizeOf(this.local.path(sha256)) ?? 0;
    }
    this.#bytes = bytes;
  }

  /**
   * Removes what was used longest ago: what rows refer to is in the bucket; of the rest only what is a day old, since it
   * may have been put just now by another process.
   * @param left of all bytes those that may stay
   * @returns how many files went
   */
  async #evict(left: (bytes: number) => number): Promise<number> {
    const files: { sha256: string; bytes: number; used: number; made: number }[] = [];
    for (const sha256 of this.local.stored()) {
      const stat = await Deno.stat(this.local.path(sha256)).catch(() => undefined);
      if (!stat) continue;
      const made = stat.mtime?.getTime() ?? 0;
      files.push({ sha256, bytes: stat.size, used: this.#used.get(sha256) ?? made, made });
    }
    let bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    const most = left(bytes);
    let removed = 0;
    for (const { sha256, made, ...file } of files.sort((a, b) => a.used - b.used)) {
      if (bytes <= most) break;
      if (this.local.isPinned(sha256)) continue;
      if (Date.now() - made < DAY_MS && !await this.#isReferred(sha256)) continue;
      this.local.remove(sha256);
      this.#used.delete(sha256);
      bytes -= file.bytes;
      removed++;
    }
    this.#bytes = bytes;
    return removed;
  }

  async #isReferred(sha256: string): Promise<boolean> {
    const row = await this.db.get(
      "SELECT 1 AS found FROM file_references WHERE sha256 = ? LIMIT 1",
      sha256,
    );
    return row !== undefined;
  }
}
