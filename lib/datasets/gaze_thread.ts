/** Large gaze files are read and stored in a thread of their own, so that the caller's thread goes on answering. */
import type { ClusterSettings } from "@/lib/cluster_settings.ts";
import type { GazeOptions } from "@/lib/gaze/formats/format.ts";
import { limits } from "@/lib/threads/limits.ts";
import { ThreadPool } from "@/lib/threads/pool.ts";

/** What can be sent to a thread. */
export type GazeFileOptions = Omit<GazeOptions, "imageSize" | "candidates" | "beside"> & {
  dryRun?: boolean;
};

export interface GazeRequest {
  /** The store's. */
  directory: string;
  cluster?: ClusterSettings;
  dataset: string;
  bytes: Uint8Array<ArrayBuffer>;
  options: GazeFileOptions;
}

const pool = new ThreadPool(import.meta.resolve("./gaze_worker.ts"), limits.gaze);

/** Smaller files take less time than a thread takes to start. */
const SMALL = 2 ** 18;

/** Fixations, samples and what is read at a time, bytes for each byte of text. */
const GROWTH = 12;

/** Bytes that a workbook of Excel takes for each of its own: its parts, their text, the tables made of it. */
const WORKBOOK = 100;

const isZipped = (bytes: Uint8Array) => bytes[0] === 0x1f && bytes[1] === 0x8b;
const isWorkbook = (bytes: Uint8Array) => bytes[0] === 0x50 && bytes[1] === 0x4b;

/** Whether a file is better read in a thread; a small one may unzip to a large one. */
export const isLarge = (bytes: Uint8Array) =>
  bytes.length > SMALL || isZipped(bytes) || isWorkbook(bytes);

/** As `addGaze`, and Overloaded. The bytes are gone afterwards. */
export async function addGazeInThread<Report>(request: GazeRequest): Promise<Report> {
  const { bytes } = request;
  const plain = isZipped(bytes) ? unzippedLength(bytes) : bytes.length;
  return await pool.run<Report>(request, {
    memory: (isWorkbook(bytes) ? WORKBOOK : GROWTH) * plain,
    size: plain / 1e6,
    transfer: [bytes.buffer],
  });
}

/** What a gzip file says that it unfolds to (RFC 1952, ISIZE), within what is let through. */
function unzippedLength(bytes: Uint8Array): number {
  const said = bytes.length < 18
    ? 0
    : new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - 4, true);
  return Math.max(bytes.length, Math.min(said, 200 * bytes.length));
}
