/** Series of numbers of a job. A step that is run again after a restart replaces its numbers. */
import type { Database } from "./database.ts";

export interface MetricRow {
  step: number;
  epoch: number;
  name: string;
  /** null where the number was not finite. */
  value: number | null;
}

export class Metrics {
  constructor(readonly db: Database) {}

  put(job_id: string, step: number, epoch: number, values: Record<string, number>): void {
    this.db.transaction(() => {
      for (const [name, value] of Object.entries(values)) {
        this.db.run(
          "INSERT OR REPLACE INTO metrics (job_id, step, name, epoch, value) VALUES (?, ?, ?, ?, ?)",
          job_id,
          step,
          name,
          epoch,
          Number.isFinite(value) ? value : null,
        );
      }
    });
  }

  /** In the order of steps, then names. */
  list(
    job_id: string,
    options: { name?: string; afterStep?: number; limit?: number } = {},
  ): MetricRow[] {
    const { name, afterStep, limit } = options;
    return this.db.all<MetricRow>(
      `SELECT step, epoch, name, value FROM metrics
       WHERE job_id = ? AND step > ? ${name === undefined ? "" : "AND name = ?"}
       ORDER BY step, name ${limit === undefined ? "" : `LIMIT ${Math.trunc(limit)}`}`,
      job_id,
      afterStep ?? -1,
      ...(name === undefined ? [] : [name]),
    );
  }
}
