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

  /**
   * Series thinned out to what can be seen of them: of each name at most `points` rows, in `points / 2` spans of steps
   * the first with the least and the first with the greatest value, so that no peak is lost. A short series stays whole;
   * a value that is no number is left where a span has nothing else. In the order of steps, then names.
   */
  async thinned(
    job_id: string,
    points: number,
    { name, afterStep = -1 }: { name?: string; afterStep?: number } = {},
  ): Promise<MetricRow[]> {
    const extent = await this.extent(job_id, afterStep);
    if (!extent) return [];
    const width = Math.ceil((extent.high - extent.low + 1) / Math.max(1, Math.floor(points / 2)));
    const most = Math.trunc(points);
    // Of whole numbers in the text the quotient is one.
    const span = `(metrics.step - ${Math.trunc(extent.low)}) / ${width}`;
    const these = `metrics.job_id = ? AND metrics.step > ?${
      name === undefined ? "" : " AND metrics.name = ?"
    }`;
    const given = [job_id, afterStep, ...name === undefined ? [] : [name]];
    // Of equal values the first step: epochs rise with steps, so its epoch is the least too.
    return await this.db.all<MetricRow>(
      `WITH spans AS (
         SELECT name, ${span} AS span, count(*) AS n, min(value) AS least, max(value) AS greatest,
                min(step) AS first
         FROM metrics WHERE ${these} GROUP BY name, ${span}
       ), series AS (
         SELECT name, sum(n) AS n FROM spans GROUP BY name
       )
       SELECT min(metrics.step) AS step, min(metrics.epoch) AS epoch, metrics.name AS name,
              metrics.value AS value
       FROM metrics ${this.db.orderedJoin} spans
         ON spans.name = metrics.name AND spans.span = ${span}
       ${this.db.orderedJoin} series ON series.name = metrics.name
       WHERE ${these} AND (
         series.n <= ${most} OR metrics.value = spans.least OR metrics.value = spans.greatest OR
         (spans.least IS NULL AND metrics.step = spans.first)
       )
       GROUP BY metrics.name, spans.span, metrics.value,
         CASE WHEN series.n <= ${most} THEN metrics.step END
       ORDER BY min(metrics.step), metrics.name`,
      ...given,
      ...given,
    );
  }

  /** First and last step of a job's series; undefined where there are none. */
  async extent(
    job_id: string,
    afterStep = -1,
  ): Promise<{ low: number; high: number } | undefined> {
    const found = await this.db.get<{ low: number | null; high: number | null }>(
      "SELECT min(step) AS low, max(step) AS high FROM metrics WHERE job_id = ? AND step > ?",
      job_id,
      afterStep,
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
