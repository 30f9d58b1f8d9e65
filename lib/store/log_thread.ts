/** A long write-ahead log comes into its database in a thread: a deletion of a large set writes a hundred megabytes. */
import { statSync } from "node:fs";
import { limits } from "@/lib/threads/limits.ts";
import { ThreadPool } from "@/lib/threads/pool.ts";

export interface LogRequest {
  /** The database's. */
  path: string;
}

const pool = new ThreadPool(import.meta.resolve("./log_worker.ts"), limits.log);

/** Bytes that are copied in some milliseconds. */
const LONG = 2 ** 22;

const sizeOf = (path: string) => statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0;

/** Whether to empty the log of the database at `path` would keep the caller's thread. */
export const isLong = (path: string): boolean => sizeOf(path) > LONG;

/** Empties the log; false where another connection was in the way. */
export async function emptyLog(path: string): Promise<boolean> {
  return await pool.run<boolean>({ path }, { memory: LONG, size: sizeOf(path) / 1e6 });
}
