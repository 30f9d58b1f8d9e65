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

  /**
   * The series thinned out to what can be seen: of each name at most `points`, in `points / 2` spans of steps the
   * least and the greatest value. A series that is short enough comes whole. In the order of steps, then names.
   */
  thinned(
    job_id: string,
    options: { points: number; name?: string; afterStep?: number },
  ): MetricRow[] {
    const { points, name, afterStep = -1 } = options;
    const spans = Math.max(1, Math.floor(points / 2));
    return this.db.all<MetricRow>(
      `WITH chosen AS (
         SELECT step, epoch, name, value, job_id FROM metrics
         WHERE job_id = ?1 AND step > ?2 AND (?3 IS NULL OR name = ?3)
       ), extent AS (
         SELECT name, min(step) AS low, max(step) - min(step) + 1 AS width, count(*) AS n
         FROM chosen GROUP BY name
       ), spread AS (
         SELECT step, epoch, name, value,
           CASE WHEN n <= ?4 THEN step ELSE CAST((step - low) * ?5 / width AS INTEGER) END AS span
         FROM chosen JOIN extent USING (name)
       )
       -- Beside min() and max() stand the columns of the row that has it.
       SELECT step, epoch, name, value FROM (
         SELECT name, span, step, epoch, min(value) AS value FROM spread GROUP BY name, span
         UNION
         SELECT name, span, step, epoch, max(value) AS value FROM spread GROUP BY name, span
       ) ORDER BY step, name`,
      job_id,
      afterStep,
      name ?? null,
      points,
      spans,
    );
  }

  /** First and last step of a job's series; undefined where there are none. */
  extent(job_id: string): { low: number; high: number } | undefined {
    const found = this.db.get<{ low: number | null; high: number | null }>(
      "SELECT min(step) AS low, max(step) AS high FROM metrics WHERE job_id = ?",
      job_id,
    )!;
    return found.low === null ? undefined : { low: found.low, high: found.high! };
  }

  /** Means of each name over equal spans of the steps from `low` to `high`; `span` counts from 0. */
  averaged(
    job_id: string,
    { low, high, spans }: { low: number; high: number; spans: number },
  ): { name: string; span: number; value: number | null }[] {
    return this.db.all(
      `SELECT name, CAST((step - ?2) * ?3 / ?4 AS INTEGER) AS span, avg(value) AS value
       FROM metrics WHERE job_id = ?1 GROUP BY name, span ORDER BY name, span`,
      job_id,
      low,
      spans,
      high - low + 1,
    );
  }
}
