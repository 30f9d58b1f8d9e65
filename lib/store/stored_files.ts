/** Content-addressed files as those see them who only read: nothing is given away that is not what was stored. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { Damaged } from "@/lib/errors.ts";
import { contentOf } from "./disk_files.ts";

/** `directory/ab/abcdef...` holds the bytes whose SHA-256 is `abcdef...`. */
export class StoredFiles {
  /** Size and times of files when their bytes were last found right: large ones are hashed once. */
  readonly #verified = new Map<string, string>();
  readonly #underWay = new Map<string, Promise<void>>();

  constructor(readonly directory: string) {}

  path(sha256: string): string {
    if (!/^[0-9a-f]{64}$/.test(sha256)) throw new Error(`Cannot name a file by "${sha256}"`);
    return `${this.directory}/${sha256.slice(0, 2)}/${sha256}`;
  }

  has(sha256: string): boolean {
    return existsSync(this.path(sha256));
  }

  /** Makes sure that the file is in the directory, where it may come from elsewhere. */
  async fetch(_sha256: string, _what?: string): Promise<void> {}

  /** Brings a file anew in place of a damaged one, from where it came; false where it came from nowhere. */
  protected renew(_sha256: string, _what?: string): Promise<boolean> {
    return Promise.resolve(false);
  }

  /** Does something with the file; once more where it had to make room in between. */
  async #with<T>(sha256: string, what: string | undefined, action: () => Promise<T>): Promise<T> {
    await this.fetch(sha256, what);
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      await this.fetch(sha256, what);
      return await orDamaged(action, sha256, what);
    }
  }

  /**
   * The bytes, hashed anew.
   * @param what names what they are of, for people: `image "knee_1"`
   * @throws {Damaged} when the file is gone, or its bytes are others
   */
  async read(sha256: string, what?: string): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = await this.#whole(sha256, what) ??
      (await this.renew(sha256, what) ? await this.#whole(sha256, what) : undefined);
    if (!bytes) throw differs(sha256, what);
    return bytes;
  }

  /** Undefined where the bytes are others. */
  async #whole(sha256: string, what?: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const bytes = await this.#with(sha256, what, () => Deno.readFile(this.path(sha256)));
    return await hashOf(bytes) === sha256 ? bytes : undefined;
  }

  /**
   * Opens a file for reading in parts, after `verify`.
   * @throws {Damaged} when the file is gone, or its bytes are others
   */
  async open(sha256: string, what?: string): Promise<Deno.FsFile> {
    await this.verify(sha256, what);
    return await this.#with(sha256, what, () => Deno.open(this.path(sha256), { read: true }));
  }

  /**
   * Makes sure that a file is as it was stored. Hashed again only when its size or a time of it has changed.
   * @throws {Damaged} when the file is gone, or its bytes are others
   */
  async verify(sha256: string, what?: string): Promise<void> {
    const path = this.path(sha256);
    const { size, mtime, ctime } = await this.#with(sha256, what, () => Deno.stat(path));
    const state = `${size} ${mtime?.getTime()} ${ctime?.getTime()}`;
    if (this.#verified.get(sha256) === state) return;
    const key = `${sha256} ${state}`;
    const hashing = this.#underWay.get(key) ?? this.#hash(path, sha256, what);
    this.#underWay.set(key, hashing);
    try {
      await hashing;
      this.#verified.set(sha256, state);
    } finally {
      this.#underWay.delete(key);
    }
  }

  async #hash(path: string, sha256: string, what?: string): Promise<void> {
    const same = async () => {
      using file = await this.#with(sha256, what, () => Deno.open(path, { read: true }));
      return (await contentOf(file)).sha256 === sha256;
    };
    if (await same()) return;
    if (!await this.renew(sha256, what) || !await same()) throw differs(sha256, what);
  }

  /** Whether what lies in the directory under a name by content has that content; `bytes` of it are known. */
  protected async stateOf(
    sha256: string,
    bytes: number,
  ): Promise<"missing" | "sound" | "damaged"> {
    try {
      using file = await Deno.open(this.path(sha256), { read: true });
      // Costs nothing.
      if ((await file.stat()).size !== bytes) return "damaged";
      return (await contentOf(file)).sha256 === sha256 ? "sound" : "damaged";
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return "missing";
      throw error;
    }
  }
}

/** Bytes that are hashed sooner here than a thread is woken for them. */
const HASHED_HERE = 2 ** 16;

async function hashOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  if (bytes.length <= HASHED_HERE) return createHash("sha256").update(bytes).digest("hex");
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/** The system's own words hold a path, which is nobody's business. */
async function orDamaged<T>(action: () => Promise<T>, sha256: string, what?: string): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw damaged("is missing", sha256, what);
  }
}

const differs = (sha256: string, what?: string) =>
  damaged("no longer holds the bytes that were stored", sha256, what);

function damaged(how: string, sha256: string, what = "what is asked for"): Damaged {
  return new Damaged(
    `Cannot use ${what}: its stored file ${sha256.slice(0, 12)} ${how}; ${adviceFor(what)}`,
  );
}

export const adviceFor = (what: string) => `${remedyFor(what)}, or restore a backup`;

/**
 * How what is damaged is brought back.
 * @param what as people name it: `image "knee_1"`, `similarity "sim_…"`
 */
export function remedyFor(what: string): string {
  if (what.startsWith("similarity ")) return "run its job again and use the new one";
  if (what.startsWith("model ")) return "train or upload it again";
  if (/^(the )?gaze samples /.test(what)) return "put the recording in again";
  if (what.startsWith("a heatmap ")) return "put the data set in again";
  if (what.startsWith("a checkpoint ")) return "its training goes on from the one before";
  return "put it in again";
}
