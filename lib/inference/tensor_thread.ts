/** Requests of the Open Inference Protocol are read in a thread where they are large: millions of numbers take a second. */
import { limits } from "@/lib/threads/limits.ts";
import { ThreadPool } from "@/lib/threads/pool.ts";
import { type ReadTensors, readTensors, type SentTensors } from "./tensor_request.ts";

const pool = new ThreadPool(import.meta.resolve("./tensor_worker.ts"), limits.tensor);

/** Smaller ones take less time than a message to a thread. */
const SMALL = 2 ** 19;

/** Numbers as text, as such, and as pictures, bytes for each that was sent. */
const GROWTH = 3;

/** As `readTensors`; throws InvalidInput, Overloaded. The bytes of a large request are gone afterwards. */
export async function readTensorRequest(request: SentTensors): Promise<ReadTensors> {
  const { bytes } = request;
  if (bytes.length <= SMALL) return readTensors(request);
  return await pool.run<ReadTensors>(request, {
    memory: GROWTH * bytes.length,
    size: bytes.length / 1e6,
    transfer: [bytes.buffer],
  });
}
