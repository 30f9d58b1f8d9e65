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

  /** What a job has begun with, by device; that of a job from before devices were told apart is "". */
  async ofJob(job_id: string): Promise<Record<string, SelectedVariants>> {
    const rows = await this.db.all<{ device: string; selected: string }>(
      "SELECT device, selected FROM job_variants WHERE job_id = ?",
      job_id,
    );
    return Object.fromEntries(rows.map(({ device, selected }) => [device, JSON.parse(selected)]));
  }

  async setOfJob(job_id: string, device: string, selected: SelectedVariants): Promise<void> {
    await this.db.run(
      "INSERT INTO job_variants (job_id, device, selected) VALUES (?, ?, ?) " +
        "ON CONFLICT (job_id, device) DO UPDATE SET selected = excluded.selected",
      job_id,
      device,
      JSON.stringify(selected),
    );
  }
}
