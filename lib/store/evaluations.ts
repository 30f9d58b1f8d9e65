/** Results of evaluations: metrics, and the scores of every image they were computed from. */
import type { EvaluationMetrics, ImageScore } from "@/lib/evaluation/evaluation.ts";
import type {
  MultiLabelImageScore,
  MultiLabelMetrics,
} from "@/lib/evaluation/multi_label_evaluation.ts";
import { z } from "zod";
import type { Database } from "./database.ts";
import { Table } from "./table.ts";

const counted = {
  images: z.number().describe("Tested images whose picture it had looked at"),
  patients: z.number().describe("Patients of tested images of whom it had looked at any picture"),
};

/** What a model had seen of the images that it is tested on. */
export const seenSchema = z.object({
  pretraining: z.object(counted).nullable()
    .describe("In the trainings that it started from, all of them; null: not known"),
  training: z.object(counted).nullable()
    .describe("In its own training, validation included; null: not known"),
}).meta({ id: "SeenImages" });
export type SeenImages = z.output<typeof seenSchema>;

export interface EvaluationRow {
  id: string;
  model_id: string | null;
  dataset_id: string | null;
  /** The data set's digest when it was evaluated; null where an older version did not keep it. */
  dataset_digest?: string | null;
  job_id: string;
  metrics: EvaluationMetrics | MultiLabelMetrics;
  /** Of the same kind as the metrics. */
  scores: ImageScore[] | MultiLabelImageScore[];
  /** null where an older version did not look. */
  seen?: SeenImages | null;
  /** Why these numbers may mean less than they seem to. */
  warnings?: string[] | null;
  created_at: string;
}

export class Evaluations extends Table<EvaluationRow> {
  constructor(db: Database) {
    super(db, {
      table: "evaluations",
      noun: "evaluation",
      json: ["metrics", "scores", "seen", "warnings"],
      newestFirst: true,
    });
  }

  /** What a job has found, without the figures. */
  async ofJob(job_id: string): Promise<Pick<EvaluationRow, "id" | "warnings"> | undefined> {
    const row = await this.findBy([["job_id = ?", job_id]]);
    return row && { id: row.id, warnings: row.warnings };
  }
}
