/** Large gaze files are read and stored in a thread of their own, so that the caller's thread goes on answering. */
import type { ClusterSettings } from "@/lib/cluster_settings.ts";
import type { GazeOptions } from "@/lib/gaze/formats/format.ts";
import { limits } from "@/lib/threads/limits.ts";
import { ThreadPool } from "@/lib/threads/pool.ts";

/** What can be sent to a thread. */
export type GazeFileOptions = Omit<GazeOptions, "imageSize" | "candidates" | "beside"> & {
  dryRun?: boolean;
};

/** A gaze file: its bytes, or where it lies. */
export type GazeSource = Uint8Array<ArrayBuffer> | { path: string };

export interface GazeRequest {
  /** The store's. */
  directory: string;
  cluster?: ClusterSettings;
  dataset: string;
  source: GazeSource;
  options: GazeFileOptions;
}

const pool = new ThreadPool(import.meta.resolve("./gaze_worker.ts"), limits.gaze);

/** Smaller files take less time than a thread takes to start, bytes. */
export const SMALL_GAZE = 2 ** 18;

/** Fixations, samples and what is read at a time, bytes for each byte of text. */
const GROWTH = 12;

/** Bytes that a workbook of Excel takes for each of its own: its parts, their text, the tables made of it. */
const WORKBOOK = 100;

const isZipped = (bytes: Uint8Array) => bytes[0] === 0x1f && bytes[1] === 0x8b;
export const isWorkbook = (bytes: Uint8Array) => bytes[0] === 0x50 && bytes[1] === 0x4b;

/** Whether a file is better read in a thread; a small one may unzip to a large one. */
export const isLarge = (source: GazeSource): boolean =>
  !(source instanceof Uint8Array) || source.length > SMALL_GAZE || isZipped(source) ||
  isWorkbook(source);

/** As `addGaze`, and Overloaded. Bytes are gone afterwards. */
export async function addGazeInThread<Report>(request: GazeRequest): Promise<Report> {
  const { source } = request;
  const { bytes, head, tail } = await endsOf(source);
  const plain = isZipped(head) ? unzippedLength(bytes, tail) : bytes;
  return await pool.run<Report>(request, {
    memory: (isWorkbook(head) ? WORKBOOK : GROWTH) * plain,
    size: plain / 1e6,
    transfer: source instanceof Uint8Array ? [source.buffer] : [],
  });
}

/** How long a file is, and its first and last four bytes. */
async function endsOf(source: GazeSource) {
  if (source instanceof Uint8Array) {
    const [head, tail] = [source.slice(0, 4), source.slice(-4)];
    return { bytes: source.length, head, tail };
  }
  using file = await Deno.open(source.path);
  const { size } = await file.stat();
  const read = async (at: number) => {
    const part = new Uint8Array(Math.min(4, size));
    await file.seek(at, Deno.SeekMode.Start);
    await file.read(part);
    return part;
  };
  return { bytes: size, head: await read(0), tail: await read(Math.max(0, size - 4)) };
}

/** What a gzip file says that it unfolds to (RFC 1952, ISIZE), within what is let through. */
function unzippedLength(bytes: number, tail: Uint8Array): number {
  const said = bytes < 18
    ? 0
    : new DataView(tail.buffer, tail.byteOffset, tail.byteLength).getUint32(0, true);
  return Math.max(bytes, Math.min(said, 200 * bytes));
}
