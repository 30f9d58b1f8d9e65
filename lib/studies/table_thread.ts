/** The table of a study in a thread of its own: resampling takes seconds. */
import { limits } from "@/lib/threads/limits.ts";
import { ThreadPool } from "@/lib/threads/pool.ts";
import type { TableSource } from "./study_table.ts";
import type { StudyTable } from "./table_schema.ts";

/** What `studyTable` takes. */
export interface TableRequest {
  source: TableSource;
  before?: StudyTable;
}

const pool = new ThreadPool(import.meta.resolve("./table_worker.ts"), limits.table);

export async function studyTableOf(request: TableRequest): Promise<StudyTable> {
  return await pool.run<StudyTable>(request, { memory: 64 * 2 ** 20 });
}
