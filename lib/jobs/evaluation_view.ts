/** An evaluation as it is told: metrics, and the scores of the images behind them. */
import { z } from "zod";
import {
  completed,
  evaluationMetricsSchema,
  type ImageScore,
  imageScoreSchema,
  patientScoresOf,
} from "@/lib/evaluation/evaluation.ts";
import {
  isMultiLabelMetrics,
  multiLabelImageScoreSchema,
  multiLabelMetricsSchema,
} from "@/lib/evaluation/multi_label_evaluation.ts";
import { patientScoreSchema } from "@/lib/evaluation/patient_level.ts";
import { specs } from "@/lib/specs/mod.ts";
import { type EvaluationRow, seenSchema, type Store } from "@/lib/store/mod.ts";

export const evaluationSchema = z.object({
  id: z.string(),
  model: z.string().nullable().describe("null once it is deleted"),
  dataset: z.string().nullable().describe("null once it is deleted"),
  dataset_digest: z.string().nullable().describe("When it was evaluated; null: not known"),
  stale: z.boolean().describe("Whether the data set is gone or has changed since"),
  seen_in_pretraining: z.number().nullable().describe(
    "Tested images that the trainings before the model's own had looked at; null: not known",
  ),
  seen_in_training: z.number().nullable().describe(
    "Tested images that the model itself was trained or validated on; null: not known",
  ),
  seen: seenSchema.nullable().describe("The same with their patients"),
  warnings: z.array(z.string()).describe("What speaks against these figures"),
  job: z.string(),
  split: z.union([specs.evaluate.kept.shape.split, specs.finetune.kept.shape.split]).nullable()
    .describe("As the job's spec has it; null once that is deleted"),
  metrics: z.union([multiLabelMetricsSchema, evaluationMetricsSchema])
    .describe("Of a multi-label model by finding, with `multi_label`"),
  created_at: z.iso.datetime(),
}).meta({ id: "Evaluation" });
export type Evaluation = z.output<typeof evaluationSchema>;

export const scoredEvaluationSchema = evaluationSchema.extend({
  scores: z.union([z.array(multiLabelImageScoreSchema), z.array(imageScoreSchema)]),
  patient_scores: z.array(patientScoreSchema).nullable()
    .describe(
      "null where no patient is known, of a multi-label model, and in an evaluation of an earlier version",
    ),
}).meta({ id: "ScoredEvaluation" });

export async function toScoredEvaluationView(
  store: Store,
  row: EvaluationRow,
): Promise<z.output<typeof scoredEvaluationSchema>> {
  const { scores, metrics: { classes, positive_label } } = row;
  return {
    ...await toEvaluationView(store, row),
    scores,
    patient_scores: isMultiLabelMetrics(row.metrics)
      ? null
      : patientScoresOf(scores as ImageScore[], classes, positive_label),
  };
}

export async function toEvaluationView(store: Store, row: EvaluationRow): Promise<Evaluation> {
  const dataset = row.dataset_id === null ? undefined : await store.datasets.find(row.dataset_id);
  const spec = (await store.jobs.find(row.job_id))?.spec as Pick<Evaluation, "split"> | undefined;
  return {
    id: row.id,
    model: row.model_id,
    dataset: dataset?.name ?? null,
    dataset_digest: row.dataset_digest ?? null,
    stale: row.dataset_digest !== (dataset && await store.datasets.digestOf(dataset)),
    seen_in_pretraining: row.seen?.pretraining?.images ?? null,
    seen_in_training: row.seen?.training?.images ?? null,
    seen: row.seen ?? null,
    warnings: [...new Set([...row.warnings ?? [], ...row.metrics.warnings ?? []])],
    job: row.job_id,
    split: spec?.split ?? null,
    metrics: isMultiLabelMetrics(row.metrics) ? row.metrics : completed(row.metrics),
    created_at: row.created_at,
  };
}
