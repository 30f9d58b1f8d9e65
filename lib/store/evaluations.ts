/** Results of evaluations: metrics, and the scores of every image they were computed from. */
import type { Database } from "./database.ts";
import { Table } from "./table.ts";

export interface EvaluationRow {
  id: string;
  model_id: string | null;
  dataset_id: string | null;
  job_id: string;
  metrics: Record<string, unknown>;
  scores: Record<string, unknown>[];
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
