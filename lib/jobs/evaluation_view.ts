/** An evaluation as it is told: metrics, and the scores of the images behind them. */
import { z } from "zod";
import {
  completed,
  evaluationMetricsSchema,
  imageScoreSchema,
  patientScoresOf,
} from "@/lib/evaluation/evaluation.ts";
import { patientScoreSchema } from "@/lib/evaluation/patient_level.ts";
import { specs } from "@/lib/specs/mod.ts";
import type { EvaluationRow, Store } from "@/lib/store/mod.ts";

export const evaluationSchema = z.object({
  id: z.string(),
  model: z.string().nullable().describe("null once it is deleted"),
  dataset: z.string().nullable().describe("null once it is deleted"),
  job: z.string(),
  split: z.union([specs.evaluate.kept.shape.split, specs.finetune.kept.shape.split]).nullable()
    .describe("As the job's spec has it; null once that is deleted"),
  metrics: evaluationMetricsSchema,
  created_at: z.iso.datetime(),
}).meta({ id: "Evaluation" });
export type Evaluation = z.output<typeof evaluationSchema>;

export const scoredEvaluationSchema = evaluationSchema.extend({
  scores: z.array(imageScoreSchema),
  patient_scores: z.array(patientScoreSchema).nullable()
    .describe("null where no patient is known, and in an evaluation of an earlier version"),
}).meta({ id: "ScoredEvaluation" });

export function toScoredEvaluationView(
  store: Store,
  row: EvaluationRow,
): z.output<typeof scoredEvaluationSchema> {
  const { scores, metrics: { classes, positive_label } } = row;
  return {
    ...toEvaluationView(store, row),
    scores,
    patient_scores: patientScoresOf(scores, classes, positive_label),
  };
}

export function toEvaluationView(store: Store, row: EvaluationRow): Evaluation {
  const spec = store.jobs.find(row.job_id)?.spec as Pick<Evaluation, "split"> | undefined;
  return {
    id: row.id,
    model: row.model_id,
    dataset: row.dataset_id === null ? null : store.datasets.find(row.dataset_id)?.name ?? null,
    job: row.job_id,
    split: spec?.split ?? null,
    metrics: completed(row.metrics),
    created_at: row.created_at,
  };
}
