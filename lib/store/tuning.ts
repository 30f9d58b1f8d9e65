/** Which variants compute the passes of convolutions: as measured per device, and as held within a job. */
import type { Database } from "./database.ts";

/** Names of variants by pass and shape. */
export type SelectedVariants = Record<string, string>;

export class Tuning {
  constructor(private readonly db: Database) {}

  /** What was measured on a device, by adapter and driver. */
  ofDevice(device: string): SelectedVariants {
    const rows = this.db.all<{ pass: string; variant: string }>(
      `SELECT "pass", variant FROM tuning WHERE device = ?`,
      device,
    );
    return Object.fromEntries(rows.map(({ pass, variant }) => [pass, variant]));
  }

  /** Adds what was measured; variants of passes that are known already stay. */
  add(device: string, selected: SelectedVariants): void {
    this.db.transaction(() => {
      for (const [pass, variant] of Object.entries(selected)) {
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
  ofJob(job_id: string): SelectedVariants | undefined {
    const row = this.db.get<{ selected: string }>(
      "SELECT selected FROM job_variants WHERE job_id = ?",
      job_id,
    );
    return row && JSON.parse(row.selected);
  }

  setOfJob(job_id: string, selected: SelectedVariants): void {
    this.db.run(
      "INSERT INTO job_variants (job_id, selected) VALUES (?, ?)",
      job_id,
      JSON.stringify(selected),
    );
  }
}
