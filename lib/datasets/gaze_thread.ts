/** Reads gaze files; large ones in a thread of their own, so that the caller's thread goes on answering. */
import { ImageNames } from "./image_names.ts";
import type { GazeOptions, ParsedGaze } from "@/lib/gaze/formats/format.ts";
import { parseGaze } from "@/lib/gaze/formats/mod.ts";
import { limits } from "@/lib/threads/limits.ts";
import { ThreadPool } from "@/lib/threads/pool.ts";

/** What can be sent to a thread. */
export type GazeFileOptions = Omit<GazeOptions, "imageSize" | "beside">;

export interface GazeRequest {
  bytes: Uint8Array<ArrayBuffer>;
  options: GazeFileOptions;
  images: { name: string; width: number; height: number }[];
}

const pool = new ThreadPool(import.meta.resolve("./gaze_worker.ts"), limits.gaze);

/** Smaller files take less time than a thread takes to start. */
const SMALL = 2 ** 18;

/** Fixations, samples and what is read at a time, bytes for each byte of text. */
const GROWTH = 12;

/** Throws InvalidInput as `parseGaze`, Overloaded. The bytes of a large file are gone afterwards. */
export async function readGazeFile(request: GazeRequest): Promise<ParsedGaze> {
  const { bytes } = request;
  // A small file may unzip to a large one.
  const zipped = bytes[0] === 0x1f && bytes[1] === 0x8b;
  if (bytes.length <= SMALL && !zipped) return await parseGazeOf(request);
  const plain = zipped ? unzippedLength(bytes) : bytes.length;
  return await pool.run<ParsedGaze>(request, {
    memory: GROWTH * plain,
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

/** As `parseGaze`, with the images of a data set. */
export function parseGazeOf({ bytes, options, images }: GazeRequest): Promise<ParsedGaze> {
  const names = new ImageNames(images);
  return parseGaze(bytes, { ...options, imageSize: (name) => names.find(name) });
}
