/** The made-up set in a thread of its own: drawing its pictures takes about a second. */
import { limits } from "@/lib/threads/limits.ts";
import { ThreadPool } from "@/lib/threads/pool.ts";
import type { SyntheticOptions } from "./synthetic.ts";

const pool = new ThreadPool(import.meta.resolve("./synthetic_worker.ts"), limits.synthetic);

/** Pictures, gaze and the ZIP of them. */
const MEMORY = 32 * 2 ** 20;

/** As `writeSynthetic`: the bytes of a ZIP. Throws Overloaded while others are made. */
export async function synthesizeInThread(
  options: SyntheticOptions,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  return await pool.run<Uint8Array<ArrayBuffer>>(options, { memory: MEMORY, signal });
}
