/** Results of evaluations: metrics, and the scores of every image they were computed from. */
import type { EvaluationMetrics, ImageScore } from "@/lib/evaluation/evaluation.ts";
import type { Database } from "./database.ts";
import { Table } from "./table.ts";

export interface EvaluationRow {
  id: string;
  model_id: string | null;
  dataset_id: string | null;
  job_id: string;
  metrics: EvaluationMetrics;
  scores: ImageScore[];
  created_at: string;
}

export class Evaluations extends Table<EvaluationRow> {
  constructor(db: Database) {
    super(db, {
      table: "evaluations",
      noun: "evaluation",
      json: ["metrics", "scores"],
      newestFirst: true,
    });
  }
}
