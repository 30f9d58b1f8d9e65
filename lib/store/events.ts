/** What a job reports while it runs: numbered per job from 1 without gaps. */
import type { Database } from "./database.ts";
import { insertRows, now, type Page, page } from "./table.ts";

export type EventType = "state" | "log" | "metric" | "checkpoint" | "warning";

export interface EventRow {
  job_id: string;
  id: number;
  type: EventType;
  data: Record<string, unknown>;
  created_at: string;
}

export type NewEvent = Pick<EventRow, "type" | "data">;

export class Events {
  constructor(readonly db: Database) {}

  append(job_id: string, type: EventType, data: Record<string, unknown>): void {
    this.appendAll(job_id, [{ type, data }]);
  }

  appendAll(job_id: string, events: NewEvent[]): void {
    if (events.length === 0) return;
    const created_at = now();
    this.db.transaction(() => {
      const { last } = this.db.get<{ last: number }>(
        "SELECT coalesce(max(id), 0) AS last FROM events WHERE job_id = ?",
        job_id,
      )!;
      insertRows(
        this.db,
        "events",
        events.map(({ type, data }, i) => ({
          ...{ job_id, id: last + 1 + i, type },
          ...{ data: JSON.stringify(data), created_at },
        })),
      );
    });
  }

  /** The step of the last checkpoint that a job has told of; null where it has told of none. */
  lastCheckpoint(job_id: string): number | null {
    return this.db.get<{ last: number | null }>(
      `SELECT max(CAST(data ->> 'step' AS BIGINT)) AS last FROM events
       WHERE job_id = ? AND type = 'checkpoint'`,
      job_id,
    )!.last;
  }

  /** Events with an id above `after`, oldest first. */
  list(job_id: string, options: { after?: number; limit?: number } = {}): Page<EventRow> {
    const { after = 0, limit = 100 } = options;
    const rows = this.db.all<Omit<EventRow, "data"> & { data: string }>(
      `SELECT * FROM events WHERE job_id = ? AND id > ? ORDER BY id LIMIT ${Math.trunc(limit) + 1}`,
      job_id,
      after,
    );
    return page(
      rows.map((row) => ({ ...row, data: JSON.parse(row.data) })),
      limit,
      (row) => String(row.id),
    );
  }

  /** When each step of the job's series was told last. */
  stepTimes(job_id: string): Map<number, Date> {
    const rows = this.db.all<{ step: number; created_at: string }>(
      `SELECT CAST(data ->> 'step' AS BIGINT) AS step, created_at FROM events
       WHERE job_id = ? AND type = 'metric' ORDER BY id`,
      job_id,
    );
    return new Map(rows.map(({ step, created_at }) => [step, new Date(created_at)]));
  }
}
