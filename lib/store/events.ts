/** What a job reports while it runs: numbered per job from 1 without gaps. */
import type { Database } from "./database.ts";
import { insertRows, now, type Page, page, placesOf } from "./table.ts";

export const eventTypes = ["state", "log", "metric", "checkpoint", "warning"] as const;
export type EventType = (typeof eventTypes)[number];

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

  async append(job_id: string, type: EventType, data: Record<string, unknown>): Promise<void> {
    await this.appendAll(job_id, [{ type, data }]);
  }

  async appendAll(job_id: string, events: NewEvent[]): Promise<void> {
    if (events.length === 0) return;
    const created_at = now();
    await this.db.transaction(async () => {
      const { last } = (await this.db.get<{ last: number }>(
        "SELECT coalesce(max(id), 0) AS last FROM events WHERE job_id = ?",
        job_id,
      ))!;
      await insertRows(
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
  async lastCheckpoint(job_id: string): Promise<number | null> {
    return (await this.db.get<{ last: number | null }>(
      `SELECT max(CAST(data ->> 'step' AS BIGINT)) AS last FROM events
       WHERE job_id = ? AND type = 'checkpoint'`,
      job_id,
    ))!.last;
  }

  /** Events with an id above `after`, oldest first; of some types only where these are named. */
  async list(
    job_id: string,
    options: { after?: number; limit?: number; types?: EventType[] } = {},
  ): Promise<Page<EventRow>> {
    const { after = 0, limit = 100, types } = options;
    const named = types ? `AND type IN (${placesOf(types)})` : "";
    const rows = await this.db.all<Omit<EventRow, "data"> & { data: string }>(
      `SELECT * FROM events WHERE job_id = ? AND id > ? ${named}
       ORDER BY id LIMIT ${Math.trunc(limit) + 1}`,
      job_id,
      after,
      ...(types ?? []),
    );
    return page(
      rows.map((row) => ({ ...row, data: JSON.parse(row.data) })),
      limit,
      (row) => String(row.id),
    );
  }

  /** How often a job's state was told, and the seconds that its last run took; null where it has not told them. */
  async ofStates(job_id: string): Promise<{ states: number; measured: number | null }> {
    return (await this.db.get<{ states: number; measured: number | null }>(
      `SELECT count(*) AS states, max(CAST(data ->> 'seconds' AS DOUBLE PRECISION)) AS measured
       FROM events WHERE job_id = ? AND type = 'state'`,
      job_id,
    ))!;
  }

  /** When each step of the job's series was told last. */
  async stepTimes(job_id: string): Promise<Map<number, Date>> {
    const rows = await this.db.all<{ step: number; created_at: string }>(
      `SELECT CAST(data ->> 'step' AS BIGINT) AS step, created_at FROM events
       WHERE job_id = ? AND type = 'metric' ORDER BY id`,
      job_id,
    );
    return new Map(rows.map(({ step, created_at }) => [step, new Date(created_at)]));
  }
}
