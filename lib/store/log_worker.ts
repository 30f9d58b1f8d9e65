/** The thread of `log_thread.ts`: one log. */
import { DatabaseSync } from "node:sqlite";
import { serveTasks } from "@/lib/threads/serve.ts";
import type { LogRequest } from "./log_thread.ts";

/** Waits so long for others, ms. */
const PATIENCE_MS = 100;

serveTasks(({ path }: LogRequest): boolean => {
  const db = new DatabaseSync(path);
  try {
    db.exec(`PRAGMA busy_timeout = ${PATIENCE_MS}`);
    return db.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get()!.busy === 0;
  } catch (error) {
    if (/locked|busy/.test((error as Error).message)) return false;
    throw error;
  } finally {
    db.close();
  }
});
