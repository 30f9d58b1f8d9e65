/** Metrics of an evaluation that is known to be of one label an image. */
import assert from "node:assert/strict";
import type { EvaluationMetrics } from "@/lib/evaluation/evaluation.ts";
import { isMultiLabelMetrics } from "@/lib/evaluation/multi_label_evaluation.ts";
import type { EvaluationRow } from "@/lib/store/mod.ts";

export function oneLabelMetrics({ metrics }: EvaluationRow): EvaluationMetrics {
  assert.ok(!isMultiLabelMetrics(metrics));
  return metrics;
}
