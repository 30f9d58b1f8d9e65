/** Which files of the bucket are the checkpoints of a job: a table that only servers with a bucket have. */
import type { Database } from "./database.ts";
import { insertRows } from "./table.ts";

export interface CheckpointRow {
  /** Below the directory of the job's checkpoints. */
  path: string;
  /** SHA-256 of the stored file. */
  file: string;
}

export class CheckpointRows {
  constructor(private readonly db: Database) {}

  async ofJob(job_id: string): Promise<CheckpointRow[]> {
    return await this.db.all<CheckpointRow>(
      "SELECT path, file FROM checkpoints WHERE job_id = ? ORDER BY path",
      job_id,
    );
  }

  /** In the caller's transaction: these, and no others. */
  async setOfJob(job_id: string, rows: CheckpointRow[], adapter: string | null): Promise<void> {
    await this.db.run("DELETE FROM checkpoints WHERE job_id = ?", job_id);
    await insertRows(this.db, "checkpoints", rows.map((row) => ({ job_id, ...row, adapter })));
  }
}
