/** Reader studies in a thread of their own: many readers of many images take seconds. */
import { limits } from "@/lib/threads/limits.ts";
import { ThreadPool } from "@/lib/threads/pool.ts";
import type { ReaderStudyRequest, ReaderStudyResult } from "./reader_study.ts";

const pool = new ThreadPool(import.meta.resolve("./reader_study_worker.ts"), limits.readerStudy);

/** Of one reading, here and in its series, bytes. */
const READING = 400;

/** As `readerStudy`; throws InvalidInput, Overloaded. */
export async function readerStudyOf(request: ReaderStudyRequest): Promise<ReaderStudyResult> {
  return await pool.run<ReaderStudyResult>(request, {
    memory: 16 * 2 ** 20 + READING * request.readings.length,
  });
}
