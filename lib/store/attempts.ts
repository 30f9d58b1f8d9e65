/** Attempts at a job: which worker had each claim of it, on what, from which step on, and what became of it. */
import type { AdapterInfo } from "@/gpu/device.ts";
import type { Database } from "./database.ts";
import { now } from "./table.ts";

/** What an attempt may end as: as the job's state, given back to the queue, or without a word of its worker. */
export const outcomes = ["succeeded", "failed", "cancelled", "paused", "queued", "lost"] as const;
export type Outcome = (typeof outcomes)[number];

export interface AttemptRow {
  job_id: string;
  /** The fence of its claim. */
  number: number;
  /** As the queue knows it. */
  worker: string;
  /** What people call the worker; null where it has not said. */
  label: string | null;
  device: AdapterInfo | null;
  /** Steps that were done before; null at the beginning, and for what has no steps. */
  from_step: number | null;
  started_at: string;
  ended_at: string | null;
  /** null while it runs. */
  outcome: Outcome | null;
  reason: string | null;
}

type Claim = { id: string; fence: number };

/** All but `ofJob` in the transaction of the caller, who holds the job's row. */
export class Attempts {
  constructor(readonly db: Database) {}

  async begin({ id, fence }: Claim, worker: string, label: string | null): Promise<void> {
    // Whoever had the claim before has said nothing of its end.
    await this.end(id, "lost", "its worker was not heard of any more");
    await this.db.run(
      "INSERT INTO attempts (job_id, number, worker, label, started_at) VALUES (?, ?, ?, ?, ?)",
      ...[id, fence, worker, label, now()],
    );
  }

  async runsOn({ id, fence }: Claim, device: AdapterInfo): Promise<void> {
    await this.db.run(
      "UPDATE attempts SET device = ? WHERE job_id = ? AND number = ?",
      ...[JSON.stringify(device), id, fence],
    );
  }

  /** Of a job with folds each that is taken up again tells; the furthest counts. */
  async goesOnFrom({ id, fence }: Claim, step: number): Promise<void> {
    await this.db.run(
      `UPDATE attempts SET from_step = ? WHERE job_id = ? AND number = ?
       AND coalesce(from_step, 0) < ?`,
      ...[step, id, fence, step],
    );
  }

  /** Ends what of a job has not ended; nothing where all has. */
  async end(job_id: string, outcome: Outcome, reason: string | null): Promise<void> {
    await this.db.run(
      `UPDATE attempts SET ended_at = ?, outcome = ?, reason = ?
       WHERE job_id = ? AND ended_at IS NULL`,
      ...[now(), outcome, reason, job_id],
    );
  }

  /** Oldest first. */
  async ofJob(job_id: string): Promise<AttemptRow[]> {
    const rows = await this.db.all<Omit<AttemptRow, "device"> & { device: string | null }>(
      `SELECT job_id, number, worker, label, device, from_step, started_at, ended_at, outcome, reason
       FROM attempts WHERE job_id = ? ORDER BY number`,
      job_id,
    );
    return rows.map((row) => ({ ...row, device: row.device && JSON.parse(row.device) }));
  }
}
