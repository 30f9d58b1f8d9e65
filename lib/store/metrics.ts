/** Series of numbers of a job. A step that is run again after a restart replaces its numbers. */
import type { Database } from "./database.ts";
import { insertRows } from "./table.ts";

export interface MetricRow {
  step: number;
  epoch: number;
  name: string;
  /** null where the number was not finite. */
  value: number | null;
}

/** Numbers by name at one step. */
export interface MetricPoint {
  step: number;
  epoch: number;
  values: Record<string, number>;
}

export class Metrics {
  constructor(readonly db: Database) {}

  async put(job_id: string, points: MetricPoint[]): Promise<void> {
    // A statement may not write one row twice.
    const rows = new Map(
      points.flatMap(({ step, epoch, values }) =>
        Object.entries(values).map(([name, value]) => [
          `${step} ${name}`,
          { job_id, step, name, epoch, value: Number.isFinite(value) ? value : null },
        ])
      ),
    );
    await this.db.transaction(async () =>
      await insertRows(
        this.db,
        "metrics",
        [...rows.values()],
        `ON CONFLICT (job_id, step, name)
         DO UPDATE SET epoch = excluded.epoch, value = excluded.value`,
      )
    );
  }

  /** In the order of steps, then names. */
  async list(
    job_id: string,
    options: { name?: string; afterStep?: number; limit?: number } = {},
  ): Promise<MetricRow[]> {
    const { name, afterStep, limit } = options;
    return await this.db.all<MetricRow>(
      `SELECT step, epoch, name, value FROM metrics
       WHERE job_id = ? AND step > ? ${name === undefined ? "" : "AND name = ?"}
       ORDER BY step, name ${limit === undefined ? "" : `LIMIT ${Math.trunc(limit)}`}`,
      job_id,
      afterStep ?? -1,
      ...(name === undefined ? [] : [name]),
    );
  }

  /** First and last step of a job's series; undefined where there are none. */
  async extent(job_id: string): Promise<{ low: number; high: number } | undefined> {
    const found = await this.db.get<{ low: number | null; high: number | null }>(
      "SELECT min(step) AS low, max(step) AS high FROM metrics WHERE job_id = ?",
      job_id,
    );
    if (!found || found.low === null) return undefined;
    return { low: Number(found.low), high: Number(found.high) };
  }

  /** Means of each name over spans of `width` steps from `low` on; `span` counts from 0. */
  async averaged(
    job_id: string,
    { low, width }: { low: number; width: number },
  ): Promise<{ name: string; span: number; value: number | null }[]> {
    // Of whole numbers in the text the quotient is one.
    const span = `(step - ${Math.trunc(low)}) / ${Math.trunc(width)}`;
    const rows = await this.db.all<{ name: string; span: number; value: number | null }>(
      `SELECT name, ${span} AS span, avg(value) AS value FROM metrics
       WHERE job_id = ? GROUP BY name, ${span} ORDER BY name, ${span}`,
      job_id,
    );
    return rows.map((row) => ({ ...row, span: Number(row.span) }));
  }
}
