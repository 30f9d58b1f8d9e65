/** Similarity matrices. */
import type { DistributionData } from "@/lib/gaze/similarity/distribution.ts";
import type { Database } from "./database.ts";
import { Table } from "./table.ts";

/**
 * What is kept of a similarity, all little endian. `matrix`: f32 [components, N, N], NaN where invalid.
 * `neighbours`, for more images than a matrix is kept of: i32 [N, top_k] indices (-1 where there are fewer), f32
 * [N, top_k] values, u32 [pairs] rows, u32 [pairs] columns, f32 [pairs] values of the most similar pairs i < j;
 * best first. Every pair above `above` is among them (null: every pair is).
 */
export type Layout =
  | { kind: "matrix" }
  | { kind: "neighbours"; top_k: number; pairs: number; above: number | null };

export interface SimilarityRow {
  id: string;
  dataset_id: string;
  /** The data set's digest when the matrix was computed. */
  dataset_digest: string;
  /** SHA-256 of the pictures and gaze that it was computed from; null where an older version did not keep it. */
  gaze_digest?: string | null;
  job_id: string;
  measure: string;
  params: Record<string, unknown>;
  /** Names of the images, in the order of rows and columns. */
  images: string[];
  components: string[];
  /** SHA-256 of the file, which is laid out as `layout` says. */
  file: string;
  layout: Layout;
  /** Names of the images without a valid value. */
  invalid: string[];
  histogram: DistributionData;
  created_at: string;
}

export class Similarities extends Table<SimilarityRow> {
  constructor(db: Database) {
    super(db, {
      table: "similarities",
      noun: "similarity",
      json: ["params", "images", "components", "layout", "invalid", "histogram"],
      newestFirst: true,
    });
  }

  /** What a job has made. */
  async ofJob(job_id: string): Promise<Pick<SimilarityRow, "id"> | undefined> {
    const row = await this.findBy([["job_id = ?", job_id]]);
    return row && { id: row.id };
  }

  /** The newest `limit` of a data set. */
  async ofDataset(dataset_id: string, limit: number): Promise<SimilarityRow[]> {
    return await this.select(
      [["dataset_id = ?", dataset_id]],
      `ORDER BY id DESC LIMIT ${Math.trunc(limit)}`,
    );
  }
}
