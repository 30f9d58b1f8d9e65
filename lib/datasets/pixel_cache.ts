/** The images of a data set as one array, ready for the GPU; kept in the cache once made. */
import { createHash } from "node:crypto";
import { basename } from "node:path";
import { InvalidInput } from "@/lib/errors.ts";
import { decodePool } from "@/lib/images/decode_pool.ts";
import type { Raster } from "@/lib/images/raster.ts";
import type { Size } from "@/lib/images/image_size.ts";
import type { ImageRow } from "@/lib/store/images.ts";
import type { WorkerStore } from "@/lib/store/worker_store.ts";
import { SUM_BYTES, summedBytes, sumOf } from "./summed_bytes.ts";

export interface Pixels {
  /** [N, H, W, C], value / 65535; 8-bit pictures times 257. N as in `names`. */
  data: Uint16Array<ArrayBuffer>;
  count: number;
  height: number;
  width: number;
  channels: 1 | 3;
  /** Names of the images, in order. */
  names: string[];
  /** Per channel, of values in 0 to 1 over the whole array (population deviation). */
  mean: number[];
  std: number[];
}

export interface PixelOptions {
  /** What pictures are squashed to: H and W. */
  size: Size;
  channels: 1 | 3;
  /** Called now and then; may throw to stop. */
  onProgress?(done: number, total: number): void | Promise<void>;
}

/** Grey from colours by the weights of ITU-R BT.601; colours from grey by repetition. */
export function place(source: Raster, target: Uint16Array, at: number, channels: 1 | 3): void {
  const { data, channels: from, bits } = source;
  const scale = bits === 8 ? 257 : 1;
  const pixels = source.width * source.height;
  for (let i = 0; i < pixels; i++) {
    if (from === channels) {
      for (let c = 0; c < channels; c++) {
        target[at + i * channels + c] = data[i * channels + c] * scale;
      }
    } else if (channels === 3) {
      target.fill(data[i] * scale, at + i * 3, at + i * 3 + 3);
    } else {
      const grey = 0.299 * data[3 * i] + 0.587 * data[3 * i + 1] + 0.114 * data[3 * i + 2];
      target[at + i] = Math.round(grey * scale);
    }
  }
}

/** Mean and population standard deviation per channel, of values in 0 to 1. */
export function statistics(
  data: Uint16Array,
  channels: number,
): { mean: number[]; std: number[] } {
  const sums = new Array(channels).fill(0);
  const squares = new Array(channels).fill(0);
  for (let i = 0; i < data.length; i += channels) {
    for (let c = 0; c < channels; c++) {
      const value = data[i + c];
      sums[c] += value;
      squares[c] += value * value;
    }
  }
  const n = Math.max(1, data.length / channels);
  const mean = sums.map((sum) => sum / n / 65535);
  const std = squares.map((square, c) =>
    Math.sqrt(Math.max(0, square / n / 65535 ** 2 - mean[c] ** 2))
  );
  return { mean, std };
}

/** Little endian on every machine that has a GPU we know of; the cache says so in its name. */
const byteOrder = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? "le" : "be";

/** What is loaded of an image. */
type Picture = Pick<ImageRow, "dataset_id" | "name" | "file">;

/**
 * Loads pictures of one data set in the given order. Throws InvalidInput naming a picture that does not decode.
 */
export async function loadPixels(
  store: WorkerStore,
  images: Picture[],
  options: PixelOptions,
): Promise<Pixels> {
  const { size: { height, width }, channels } = options;
  const stride = height * width * channels;
  const files = images.map(({ file }) => file);
  const key = createHash("sha256").update(JSON.stringify(files)).digest("hex").slice(0, 32);
  const folder = folderOf(store, images[0]?.dataset_id ?? "none");
  const path = `${folder}/${key}_${height}x${width}x${channels}_${byteOrder}.u16`;
  const cached = await readCache(path, images.length * stride);
  const data = cached ?? await decodeAll(store, images, options, stride);
  const names = images.map(({ name }) => name);
  const pixels = { data, count: images.length, height, width, channels, names };
  await (cached ? used(path) : writeCache(store, path, data));
  return { ...pixels, ...statistics(data, channels) };
}

async function decodeAll(
  store: WorkerStore,
  images: Picture[],
  { size, channels, onProgress }: PixelOptions,
  stride: number,
): Promise<Uint16Array<ArrayBuffer>> {
  const data = new Uint16Array(images.length * stride);
  let done = 0;
  const queue = images.entries();
  const take = async () => {
    for (const [i, { name, file }] of queue) {
      try {
        const bytes = await store.files.read(file, `image "${name}"`);
        place(
          await decodePool.decode(bytes, { size: [size.width, size.height] }),
          data,
          i * stride,
          channels,
        );
      } catch (error) {
        if (!(error instanceof InvalidInput)) throw error;
        throw new InvalidInput(`Cannot load image "${name}": ${error.message}`);
      }
      await onProgress?.(++done, images.length);
    }
  };
  await Promise.all([take(), take()]);
  return data;
}

async function readCache(
  path: string,
  length: number,
): Promise<Uint16Array<ArrayBuffer> | undefined> {
  try {
    const { size } = await Deno.stat(path);
    if (size !== length * 2 + SUM_BYTES) return undefined;
    const bytes = summedBytes(basename(path), await Deno.readFile(path));
    return bytes && new Uint16Array(bytes.buffer, 0, length);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Bytes of cached arrays that are kept; the least recently used go first. */
const maxCacheBytes = 8 * 2 ** 30;

/** Arrays of one data set lie together: what happens to another one does not touch them. */
const folderOf = (store: WorkerStore, dataset_id: string) => `${store.cache}/${dataset_id}`;

/** The time of an array's file is that of its last use. */
async function used(path: string): Promise<void> {
  const now = new Date();
  try {
    await Deno.utime(path, now, now);
  } catch (error) {
    // Another process may have removed it meanwhile.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function writeCache(store: WorkerStore, path: string, data: Uint16Array<ArrayBuffer>) {
  const bytes = new Uint8Array(data.buffer);
  const kept = keptArrays(store.cache).sort((a, b) => b.used - a.used);
  let total = bytes.length;
  for (const file of kept) {
    total += file.size;
    if (total > maxCacheBytes) removeIfThere(file.path);
  }
  if (bytes.length > maxCacheBytes) return;
  // Whole or absent: a server that dies here leaves only a file under tmp/.
  const temporary = store.files.temporaryPath();
  const file = await Deno.open(temporary, { write: true, createNew: true });
  try {
    for (const part of [bytes, sumOf(basename(path), bytes)]) {
      for (let at = 0; at < part.length;) at += await file.write(part.subarray(at));
    }
    await file.syncData();
    file.close();
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    Deno.renameSync(temporary, path);
  } catch (error) {
    try {
      file.close();
    } catch { /* it is closed */ }
    removeIfThere(temporary);
    throw error;
  }
}

function keptArrays(cache: string): { path: string; size: number; used: number }[] {
  const found: { path: string; size: number; used: number }[] = [];
  const walk = (folder: string) => {
    // Another process may remove a folder meanwhile.
    for (const { name, isDirectory } of entriesOf(folder)) {
      const path = `${folder}/${name}`;
      if (isDirectory) walk(path);
      else {
        const info = ifThere(() => Deno.statSync(path));
        if (info) found.push({ path, size: info.size, used: info.mtime?.getTime() ?? 0 });
      }
    }
  };
  walk(cache);
  return found;
}

const entriesOf = (folder: string) => ifThere(() => [...Deno.readDirSync(folder)]) ?? [];

function removeIfThere(path: string): void {
  ifThere(() => Deno.removeSync(path, { recursive: true }));
}

function ifThere<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/**
 * Forgets the arrays and pictures of one data set: they must not outlive what they were made of. They are out of the
 * way at once, and are removed while others are answered: they may be many.
 */
export async function clearPixels(store: WorkerStore, dataset_id: string): Promise<void> {
  const aside = `${store.cache}/gone-${crypto.randomUUID()}`;
  try {
    // Not awaited: whoever writes there does so between two turns.
    Deno.renameSync(folderOf(store, dataset_id), aside);
    await Deno.remove(aside, { recursive: true });
  } catch (error) {
    // There are none, or whoever makes room has removed them already.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
