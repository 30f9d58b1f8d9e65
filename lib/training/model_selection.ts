/** Which epoch's weights are kept: the best on the validation images. */
import { z } from "zod";
import { macroOneVersusRest } from "@/lib/evaluation/auc.ts";
import { accuracies } from "@/lib/evaluation/metrics.ts";
import { multiLabelFigures } from "@/lib/evaluation/multi_label_figures.ts";
import { type AnyScores, isMultiLabel } from "@/lib/evaluation/scores.ts";
import type { FinetuneSpec } from "@/lib/specs/finetune.ts";

/** Figures on the validation images after an epoch. */
export const validationSchema = z.object({
  loss: z.number(),
  accuracy: z.number(),
  balanced_accuracy: z.number(),
  auc: z.number().nullable()
    .describe(
      "Macro one-versus-rest; null when a class has no validation image. Of a multi-label classifier over the " +
        "findings of which validation images are known that have it and that do not",
    ),
});
export type Validation = z.output<typeof validationSchema>;

/** @throws {Error} when there is no image, or a probability is no finite number */
export function validate(scores: AnyScores): Validation {
  if (isMultiLabel(scores)) {
    const { loss, accuracy, macro } = multiLabelFigures(scores);
    return {
      ...{ loss, accuracy },
      balanced_accuracy: macro.balanced_accuracy ?? 0,
      auc: macro.auc,
    };
  }
  const { labels, probabilities } = scores;
  // The smallest f32 keeps a probability that rounds to 0 from an infinite loss.
  const loss = labels.reduce(
    (sum, label, i) => sum - Math.log(Math.max(probabilities[i][label], 1.2e-38)),
    0,
  ) / labels.length;
  return { loss, ...accuracies(scores), auc: macroOneVersusRest(scores) };
}

/** Whether `a` is better than `b` by the chosen figure; equal ones, and undefined ones, go by the loss. */
export function isBetter(a: Validation, b: Validation, select: FinetuneSpec["select"]): boolean {
  if (select !== "loss") {
    const [first, second] = [a[select], b[select]];
    if (first !== null && second !== null && first !== second) return first > second;
  }
  return a.loss < b.loss;
}
