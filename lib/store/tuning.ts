/** Which variants compute the passes of convolutions: as measured per device, and as held within a job. */
import type { Database } from "./database.ts";

/** Names of variants by pass and shape. */
export type SelectedVariants = Record<string, string>;

export class Tuning {
  constructor(private readonly db: Database) {}

  /** What was measured on a device, by adapter and driver. */
  async ofDevice(device: string): Promise<SelectedVariants> {
    const rows = await this.db.all<{ pass: string; variant: string }>(
      `SELECT "pass", variant FROM tuning WHERE device = ?`,
      device,
    );
    return Object.fromEntries(rows.map(({ pass, variant }) => [pass, variant]));
  }

  /** Adds what was measured; variants of passes that are known already stay. */
  async add(device: string, selected: SelectedVariants): Promise<void> {
    await this.db.transaction(async () => {
      for (const [pass, variant] of Object.entries(selected)) {
        await this.db.run(
          `INSERT INTO tuning (device, "pass", variant) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
          device,
          pass,
          variant,
        );
      }
    });
  }

  /** What a job has begun with; undefined before its first step. */
  async ofJob(job_id: string): Promise<SelectedVariants | undefined> {
    const row = await this.db.get<{ selected: string }>(
      "SELECT selected FROM job_variants WHERE job_id = ?",
      job_id,
    );
    return row && JSON.parse(row.selected);
  }

  async setOfJob(job_id: string, selected: SelectedVariants): Promise<void> {
    await this.db.run(
      "INSERT INTO job_variants (job_id, selected) VALUES (?, ?)",
      job_id,
      JSON.stringify(selected),
    );
  }
}
