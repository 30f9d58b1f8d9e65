/**
 * Pictures that were made to be looked at (thumbnails, gaze over images), kept so that a page that is opened again costs
 * nothing. They lie beside the data set's arrays (`pixel_cache.ts`), and go with them when it changes.
 */
import { createHash } from "node:crypto";
import { basename } from "node:path";
import { isDiskFull } from "@/lib/errors.ts";
import type { Store } from "@/lib/store/mod.ts";
import { SUM_BYTES, summedBytes, sumOf } from "./summed_bytes.ts";

type Place = { cache: string; temporaryPath(): string };

/** Bytes of kept pictures; the least recently used go first, a fifth of all at once. */
const MOST_BYTES = 2 ** 30;
/** Larger ones are made anew: they are looked at singly. */
const MOST_OF_ONE = 2 ** 22;

export class PictureCache {
  readonly #underWay = new Map<string, Promise<Uint8Array<ArrayBuffer>>>();
  /** Bytes on disk by data directory, as far as this process knows; counted at the first use. */
  readonly #bytes = new Map<string, number>();

  constructor(readonly most = MOST_BYTES) {}

  /**
   * The picture of this key, made where it is not kept.
   * @param key of `pictureKey`
   */
  async get(
    place: Place,
    { dataset_id, key }: { dataset_id: string; key: string },
    make: () => Promise<Uint8Array<ArrayBuffer>>,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const path = `${place.cache}/${dataset_id}/pictures/${key}.png`;
    // Looking for it is part of what others wait for: one that looked in vain would make it again else.
    const underWay = this.#underWay.get(path);
    if (underWay) return await underWay;
    const making = this.#readOrMake(place, path, make);
    this.#underWay.set(path, making);
    try {
      return await making;
    } finally {
      this.#underWay.delete(path);
    }
  }

  async #readOrMake(place: Place, path: string, make: () => Promise<Uint8Array<ArrayBuffer>>) {
    return await readIfThere(path) ?? await this.#make(place, path, make);
  }

  async #make(place: Place, path: string, make: () => Promise<Uint8Array<ArrayBuffer>>) {
    const bytes = await make();
    if (bytes.length > Math.min(MOST_OF_ONE, this.most)) return bytes;
    try {
      await this.#write(place, path, bytes);
    } catch (error) {
      // What cannot be kept can still be shown.
      if (!isDiskFull(error)) throw error;
    }
    return bytes;
  }

  async #write({ cache, temporaryPath }: Place, path: string, bytes: Uint8Array<ArrayBuffer>) {
    let total = this.#bytes.get(cache) ?? sum(await keptPictures(cache));
    if (total + bytes.length > this.most) total = await this.#makeRoom(cache, bytes.length);
    const temporary = temporaryPath();
    try {
      await Deno.writeFile(temporary, bytes, { createNew: true });
      await Deno.writeFile(temporary, sumOf(basename(path), bytes), { append: true });
      await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
      await Deno.rename(temporary, path);
    } catch (error) {
      await Deno.remove(temporary).catch(() => {});
      throw error;
    }
    this.#bytes.set(cache, total + bytes.length + SUM_BYTES);
  }

  /** Bytes that are kept after the oldest have gone. */
  async #makeRoom(cache: string, bytes: number): Promise<number> {
    const kept = (await keptPictures(cache)).sort((a, b) => a.used - b.used);
    let total = sum(kept);
    for (const { path, size } of kept) {
      if (total + bytes <= 0.8 * this.most) break;
      await Deno.remove(path).catch(() => {});
      total -= size;
    }
    return total;
  }
}

/** The process's own. */
export const pictureCache = new PictureCache();

/** Where a store keeps its pictures. */
export const placeOf = ({ cache, files }: Pick<Store, "cache" | "files">): Place => ({
  cache,
  temporaryPath: () => files.temporaryPath(),
});

/** SHA-256 of all that a picture follows from, 32 digits of it. */
export function pictureKey(of: unknown): string {
  return createHash("sha256").update(JSON.stringify(of)).digest("hex").slice(0, 32);
}

/** A use keeps it for longer; undefined for one that is damaged, or another picture, too. */
async function readIfThere(path: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    const bytes = summedBytes(basename(path), await Deno.readFile(path));
    const now = new Date();
    await Deno.utime(path, now, now);
    return bytes;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function keptPictures(cache: string) {
  const found: { path: string; size: number; used: number }[] = [];
  for await (const { name: dataset } of entriesOf(cache)) {
    const folder = `${cache}/${dataset}/pictures`;
    for await (const { name } of entriesOf(folder)) {
      const info = await Deno.stat(`${folder}/${name}`).catch(() => undefined);
      if (!info) continue;
      const used = info.mtime?.getTime() ?? 0;
      found.push({ path: `${folder}/${name}`, size: info.size, used });
    }
  }
  return found;
}

async function* entriesOf(folder: string): AsyncGenerator<Deno.DirEntry> {
  try {
    yield* Deno.readDir(folder);
  } catch (error) {
    const gone = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory;
    if (!gone) throw error;
  }
}

const sum = (files: { size: number }[]) => files.reduce((total, { size }) => total + size, 0);
