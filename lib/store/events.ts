/** What a job reports while it runs: numbered per job from 1 without gaps. */
import type { Database } from "./database.ts";
import { now, type Page, page } from "./table.ts";

export const eventTypes = ["state", "log", "metric", "checkpoint", "warning"] as const;
export type EventType = (typeof eventTypes)[number];

export interface EventRow {
  job_id: string;
  id: number;
  type: EventType;
  data: Record<string, unknown>;
  created_at: string;
}

export class Events {
  constructor(readonly db: Database) {}

  append(job_id: string, type: EventType, data: Record<string, unknown>): EventRow {
    const created_at = now();
    const { id } = this.db.get<{ id: number }>(
      `INSERT INTO events (job_id, id, type, data, created_at)
       SELECT ?1, coalesce(max(id), 0) + 1, ?2, ?3, ?4 FROM events WHERE job_id = ?1 RETURNING id`,
      job_id,
      type,
      JSON.stringify(data),
      created_at,
    )!;
    return { job_id, id, type, data, created_at };
  }

  /** Events with an id above `after`, oldest first; of some types only where these are named. */
  list(
    job_id: string,
    options: { after?: number; limit?: number; types?: EventType[] } = {},
  ): Page<EventRow> {
    const { after = 0, limit = 100, types } = options;
    const rows = this.db.all<Omit<EventRow, "data"> & { data: string }>(
      `SELECT * FROM events WHERE job_id = ?1 AND id > ?2
         AND (?3 IS NULL OR type IN (SELECT value FROM json_each(?3)))
       ORDER BY id LIMIT ${Math.trunc(limit) + 1}`,
      job_id,
      after,
      types ? JSON.stringify(types) : null,
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
      `SELECT json_extract(data, '$.step') AS step, created_at FROM events
       WHERE job_id = ? AND type = 'metric' ORDER BY id`,
      job_id,
    );
    return new Map(rows.map(({ step, created_at }) => [step, new Date(created_at)]));
  }
}
