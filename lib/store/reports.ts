/** What the server said of everything that came into a data set, in the order in which it came. */
import type { Database } from "./database.ts";
import { Table } from "./table.ts";

export interface ReportRow {
  id: string;
  dataset_id: string;
  /** `import` begins a set anew, the others come to it. */
  kind: "import" | "add" | "gaze" | "labels" | "readings";
  /** As it was answered (lib/datasets/report.ts). */
  report: Record<string, unknown>;
  created_at: string;
}

export class Reports extends Table<ReportRow> {
  constructor(db: Database) {
    super(db, { table: "reports", noun: "report", json: ["report"] });
  }

  async ofDataset(dataset_id: string): Promise<ReportRow[]> {
    return await this.select([["dataset_id = ?", dataset_id]], "ORDER BY id");
  }

  /** Forgets all reports of a data set: what follows begins it anew. */
  async clear(dataset_id: string): Promise<void> {
    await this.db.run("DELETE FROM reports WHERE dataset_id = ?", dataset_id);
  }

  /** Forgets the oldest of a kind beyond `most`. */
  async keepNewest(dataset_id: string, kind: ReportRow["kind"], most: number): Promise<void> {
    await this.db.run(
      `DELETE FROM reports WHERE dataset_id = ? AND kind = ? AND id NOT IN (
         SELECT id FROM reports WHERE dataset_id = ? AND kind = ? ORDER BY id DESC LIMIT ?
       )`,
      ...[dataset_id, kind, dataset_id, kind],
      most,
    );
  }
}
