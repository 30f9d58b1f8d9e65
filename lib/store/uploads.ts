/**
 * Uploads that may be broken off and resumed: `uploads/ID.part` holds the bytes that have come, so that its length is
 * where the next byte belongs; `ID.json` what is known of it. A start leaves them alone; they expire.
 */
import { createHash } from "node:crypto";
import { Conflict, Damaged, InvalidInput, NotFound } from "@/lib/errors.ts";
import { newId } from "./id.ts";
import { readSealed, writeSealed } from "./sealed_text.ts";
import { now } from "./table.ts";

export interface UploadInfo {
  id: string;
  /** Bytes that will come. */
  length: number;
  /** As the client sent it, to be given back. */
  metadata: string | null;
  created_at: string;
  /** What became of it; any value that is JSON. */
  outcome: unknown;
}

export interface Upload extends UploadInfo {
  /** Bytes that have come. */
  offset: number;
  expires_at: string;
}

/** A checksum that the client gives of what it sends. */
export interface Checksum {
  algorithm: (typeof algorithms)[number];
  /** Base64. */
  digest: string;
}
export const algorithms = ["sha1", "sha256", "sha512"] as const;

/** What came is not what was sent; nothing of it was kept. */
export class ChecksumMismatch extends InvalidInput {}

const DAY_MS = 24 * 3600 * 1000;
/** Uploads that nobody goes on with are removed after a week. */
const LIFE_MS = 7 * DAY_MS;
/** What an import has said holds names of files and images: it is kept as long as other answers are. */
const SETTLED_MS = DAY_MS;
/** A connection that is gone may still seem open to us; whoever resumes waits this long for it. */
const HANDOVER_MS = 5_000;

export class Uploads {
  /** Writers by id; a new one ends the one before. */
  readonly #writers = new Map<string, { stop: AbortController; done: Promise<unknown> }>();
  readonly #used = new Set<string>();

  /** @param how.looksOnly removes nothing that has expired */
  constructor(readonly directory: string, readonly how: { looksOnly?: boolean } = {}) {}

  create(length: number, metadata: string | null): Upload {
    Deno.mkdirSync(this.directory, { recursive: true });
    const info = { id: newId("upl"), length, metadata, created_at: now(), outcome: null };
    Deno.writeFileSync(this.path(info.id), new Uint8Array(), { createNew: true });
    this.#keep(info);
    return this.get(info.id);
  }

  /** Where its bytes are. */
  path(id: string): string {
    return `${this.#stem(id)}.part`;
  }

  /** @throws {NotFound} */
  #stem(id: string): string {
    if (!/^upl_[0-9a-z]{26}$/.test(id)) throw new NotFound(`Cannot find upload "${id}"`);
    return `${this.directory}/${id}`;
  }

  /**
   * @throws {NotFound} also for one that has expired
   * @throws {Damaged} when it cannot be gone on with: it is to be removed, and sent anew
   */
  get(id: string): Upload {
    const stem = this.#stem(id);
    try {
      const info = readInfo(`${stem}.json`, id);
      const part = stat(`${stem}.part`);
      const size = part?.size ?? info.length;
      const settled = info.outcome !== null;
      const { mtime } = settled ? Deno.statSync(`${stem}.json`) : part ?? { mtime: null };
      const touched = Math.max(mtime?.getTime() ?? 0, Date.parse(info.created_at));
      const expires = touched + (settled ? SETTLED_MS : LIFE_MS);
      if (expires > Date.now() || this.#used.has(id)) {
        return { ...info, offset: size, expires_at: new Date(expires).toISOString() };
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    if (!this.how.looksOnly) this.#discard(id);
    throw new NotFound(`Cannot find upload "${id}": it is not there, or has expired`);
  }

  /** Those that can be gone on with. */
  list(): Upload[] {
    let names: string[];
    try {
      names = [...Deno.readDirSync(this.directory)].map(({ name }) => name);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
    return names.filter((name) => name.endsWith(".json")).toSorted().flatMap((name) => {
      try {
        return [this.get(name.slice(0, -".json".length))];
      } catch (error) {
        if (error instanceof NotFound || error instanceof Damaged) return [];
        throw error;
      }
    });
  }

  /**
   * Appends what comes, from `offset` on; what has come before it breaks off is kept, unless a checksum was given.
   * Another writer of this upload is ended first.
   * @returns where the next byte belongs
   * @throws {Conflict} when the upload is elsewhere, or in use; {ChecksumMismatch}
   */
  async write(
    id: string,
    offset: number,
    data: AsyncIterable<Uint8Array>,
    checksum?: Checksum,
  ): Promise<number> {
    await this.#takeOver(id);
    const upload = this.get(id);
    if (this.#used.has(id)) throw new Conflict(`Cannot write to upload "${id}": it is in use`);
    if (offset !== upload.offset || upload.outcome !== null) {
      throw new Conflict(`Cannot write at ${offset}: upload "${id}" has ${upload.offset} bytes`);
    }
    const stop = new AbortController();
    const done = append(this.path(id), offset, data, stop.signal, checksum);
    const writer = { stop, done: done.catch(() => {}) };
    this.#writers.set(id, writer);
    try {
      return await done;
    } finally {
      if (this.#writers.get(id) === writer) this.#writers.delete(id);
    }
  }

  async #takeOver(id: string): Promise<void> {
    const writer = this.#writers.get(id);
    if (!writer) return;
    writer.stop.abort(new Conflict(`Cannot go on with upload "${id}": another request does`));
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise((_, reject) => {
      const error = new Conflict(`Cannot write to upload "${id}": another request does`);
      timer = setTimeout(() => reject(error), HANDOVER_MS);
    });
    try {
      await Promise.race([writer.done, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Runs `body` on a complete upload, which cannot be changed meanwhile.
   * @throws {Conflict} when bytes are missing, or it is in use
   */
  async use<T>(id: string, body: (path: string) => Promise<T>): Promise<T> {
    const { offset, length, outcome } = this.get(id);
    if (this.#used.has(id) || this.#writers.has(id)) {
      throw new Conflict(`Cannot use upload "${id}": it is in use`);
    }
    if (offset !== length) {
      throw new Conflict(`Cannot use upload "${id}": ${offset} of its ${length} bytes have come`);
    }
    if (!stat(this.path(id))) {
      throw new Conflict(
        `Cannot use upload "${id}" again: it was taken (${JSON.stringify(outcome)})`,
      );
    }
    this.#used.add(id);
    try {
      return await body(this.path(id));
    } finally {
      this.#used.delete(id);
    }
  }

  isUsed(id: string): boolean {
    return this.#used.has(id);
  }

  /** Keeps what became of an upload; with `taken` its bytes are needed no more. */
  settle(id: string, outcome: unknown, { taken = false } = {}): void {
    const { offset: _o, expires_at: _e, ...info } = this.get(id);
    this.#keep({ ...info, outcome });
    if (taken) Deno.removeSync(this.path(id));
  }

  /** Removes those of whose outcome `of` holds; what is in use stays. */
  forget(of: (outcome: unknown) => boolean): void {
    for (const { id, outcome } of this.list()) {
      if (outcome !== null && !this.#used.has(id) && of(outcome)) this.#discard(id);
    }
  }

  /** @throws {NotFound}, {Conflict} while it is in use */
  async remove(id: string): Promise<void> {
    try {
      this.get(id);
    } catch (error) {
      if (!(error instanceof Damaged)) throw error;
    }
    if (this.#used.has(id)) throw new Conflict(`Cannot remove upload "${id}": it is in use`);
    await this.#takeOver(id);
    this.#discard(id);
  }

  #keep(info: UploadInfo): void {
    writeSealed(`${this.#stem(info.id)}.json`, JSON.stringify(info));
  }

  #discard(id: string): void {
    for (const ending of ["json", "part"]) {
      try {
        Deno.removeSync(`${this.#stem(id)}.${ending}`);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
  }
}

/** @throws {Damaged} */
function readInfo(path: string, id: string): UploadInfo {
  const what = `upload "${id}"`;
  const text = readSealed(path, what);
  try {
    const info: UploadInfo = JSON.parse(text);
    if (info.id === id) return info;
  } catch {
    // Told below.
  }
  throw new Damaged(`Cannot use ${what}: what is kept of it is damaged, or another's`);
}

function stat(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function append(
  path: string,
  offset: number,
  data: AsyncIterable<Uint8Array>,
  stop: AbortSignal,
  checksum?: Checksum,
): Promise<number> {
  const file = await Deno.open(path, { write: true });
  const hash = checksum && createHash(checksum.algorithm);
  const stopped = new Promise<never>((_, reject) =>
    stop.addEventListener("abort", () => reject(stop.reason))
  );
  stopped.catch(() => {});
  const chunks = data[Symbol.asyncIterator]();
  let whole = false;
  let at = offset;
  try {
    await file.seek(offset, Deno.SeekMode.Start);
    while (true) {
      const { value, done } = await Promise.race([chunks.next(), stopped]);
      if (done) break;
      hash?.update(value);
      for (let from = 0; from < value.length;) from += await file.write(value.subarray(from));
      at += value.length;
    }
    whole = hash === undefined || hash.digest("base64") === checksum!.digest;
    if (!whole) throw new ChecksumMismatch("Cannot keep what came: its checksum is another");
    return at;
  } finally {
    // Bytes that could not be checked are sent again.
    if (hash && !whole) await file.truncate(offset);
    await file.sync();
    file.close();
    // Not awaited: the generator may wait for a byte that never comes.
    Promise.resolve(chunks.return?.()).catch(() => {});
  }
}
