/** Reads large tables of readers' decisions in a thread, so that the caller's goes on answering. */
import { limits } from "@/lib/threads/limits.ts";
import { ThreadPool } from "@/lib/threads/pool.ts";
import { type ReadingTable, readReadings } from "./readings.ts";

export interface ReadingsRequest {
  bytes: Uint8Array<ArrayBuffer>;
  file: string;
}

const pool = new ThreadPool(import.meta.resolve("./readings_worker.ts"), limits.readings);

/** Smaller files take less time than a thread takes to start. */
const SMALL = 2 ** 18;
/** The file, its text, and a row for every few dozen bytes of it, on both sides. */
const GROWTH = 16;

/** As `readReadings`; throws InvalidInput, Overloaded. The bytes of a large file are gone afterwards. */
export async function readReadingsFile(request: ReadingsRequest): Promise<ReadingTable> {
  const { bytes, file } = request;
  if (bytes.length <= SMALL) return readReadings(bytes, file);
  return await pool.run<ReadingTable>(request, {
    memory: GROWTH * bytes.length,
    size: bytes.length / 1e6,
    transfer: [bytes.buffer],
  });
}
