/** Similarity matrices. */
import type { Database } from "./database.ts";
import { Table } from "./table.ts";

export interface SimilarityRow {
  id: string;
  dataset_id: string;
  /** The data set's digest when the matrix was computed. */
  dataset_digest: string;
  job_id: string;
  measure: string;
  params: Record<string, unknown>;
  /** Names of the images, in the order of rows and columns. */
  images: string[];
  components: string[];
  /** SHA-256 of f32 little endian [components, N, N], NaN where invalid. */
  file: string;
  /** Names of the images without a valid value. */
  invalid: string[];
  histogram: Record<string, unknown>;
  created_at: string;
}

export class Similarities extends Table<SimilarityRow> {
  constructor(db: Database) {
    super(db, {
      table: "similarities",
      noun: "similarity",
      json: ["params", "images", "components", "invalid", "histogram"],
      newestFirst: true,
    });
  }

  /** The newest `limit` of a data set. */
  ofDataset(dataset_id: string, limit: number): SimilarityRow[] {
    return this.select(
      [["dataset_id = ?", dataset_id]],
      `ORDER BY id DESC LIMIT ${Math.trunc(limit)}`,
    );
  }
}
