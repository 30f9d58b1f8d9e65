/** Which variants compute the passes of convolutions: as measured per device, and as held within a job. */
import type { Database } from "./database.ts";

/** Names of variants by pass and shape. */
export type Choices = Record<string, string>;

export class Tuning {
  constructor(private readonly db: Database) {}

  /** What was measured on a device, by adapter and driver. */
  ofDevice(device: string): Choices {
    const rows = this.db.all<{ pass: string; variant: string }>(
      `SELECT "pass", variant FROM tuning WHERE device = ?`,
      device,
    );
    return Object.fromEntries(rows.map(({ pass, variant }) => [pass, variant]));
  }

  /** Keeps choices; those of passes that are known already stay. */
  keep(device: string, choices: Choices): void {
    this.db.transaction(() => {
      for (const [pass, variant] of Object.entries(choices)) {
        this.db.run(
          `INSERT INTO tuning (device, "pass", variant) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
          device,
          pass,
          variant,
        );
      }
    });
  }

  /** What a job has begun with; undefined before its first step. */
  ofJob(job_id: string): Choices | undefined {
    const row = this.db.get<{ choices: string }>(
      "SELECT choices FROM job_choices WHERE job_id = ?",
      job_id,
    );
    return row && JSON.parse(row.choices);
  }

  setOfJob(job_id: string, choices: Choices): void {
    this.db.run(
      "INSERT INTO job_choices (job_id, choices) VALUES (?, ?)",
      job_id,
      JSON.stringify(choices),
    );
  }
}
