/** One finding of a multi-label evaluation as an evaluation of two classes: what a report of a study shows. */
import type { EvaluationMetrics, ImageScore } from "@/lib/evaluation/evaluation.ts";
import { THRESHOLD } from "@/lib/evaluation/binary_figures.ts";
import { isMultiLabelMetrics } from "@/lib/evaluation/multi_label_evaluation.ts";
import type { MultiLabelImageScore } from "@/lib/evaluation/multi_label_evaluation.ts";
import type { EvaluationRow } from "@/lib/store/mod.ts";

/** What a report reads of an evaluation. */
export interface OneLabelEvaluation {
  metrics: Pick<EvaluationMetrics, "classes" | "roc" | "precision_recall" | "confusion">;
  scores: ImageScore[];
}

/** @param finding of a multi-label evaluation; its images of which that is not known are left out */
export function oneLabelEvaluation(row: EvaluationRow, finding: string): OneLabelEvaluation {
  const { metrics } = row;
  if (!isMultiLabelMetrics(metrics)) return { metrics, scores: row.scores as ImageScore[] };
  const none = `no ${finding}`;
  const k = metrics.classes.indexOf(finding);
  return {
    metrics: {
      classes: [none, finding],
      roc: { [finding]: metrics.roc[finding] },
      precision_recall: { [finding]: metrics.precision_recall[finding] },
      confusion: metrics.findings[k].confusion,
    },
    scores: (row.scores as MultiLabelImageScore[])
      .filter(({ unknown }) => !unknown.includes(finding))
      .map(({ labels, probabilities, unknown: _, ...rest }) => ({
        ...rest,
        label: labels.includes(finding) ? finding : none,
        predicted: probabilities[finding] > THRESHOLD ? finding : none,
        probabilities: { [none]: 1 - probabilities[finding], [finding]: probabilities[finding] },
      })),
  };
}
