/** ROC and precision-recall curves of one class, a point per distinct score. */
import { z } from "zod";

/** Points of a ROC curve, from (0, 0) to (1, 1); a score at or above the threshold counts as positive. */
export const rocCurveSchema = z.object({
  false_positive_rate: z.array(z.number()),
  true_positive_rate: z.array(z.number()),
  threshold: z.array(z.number().nullable()).describe("The first is null: above every score"),
}).meta({ id: "RocCurve" });
export type RocCurve = z.output<typeof rocCurveSchema>;

/** Points of a precision-recall curve by rising threshold, ending at recall 0, precision 1. */
export const precisionRecallCurveSchema = z.object({
  precision: z.array(z.number()),
  recall: z.array(z.number()),
  threshold: z.array(z.number().nullable()).describe("The last is null: above every score"),
  average_precision: z.number(),
}).meta({ id: "PrecisionRecallCurve" });
export type PrecisionRecallCurve = z.output<typeof precisionRecallCurveSchema>;

/**
 * ROC points, collinear ones between their neighbours left out (as scikit-learn's `roc_curve` does).
 * @returns null when there is no positive or no negative
 */
export function rocCurve(
  positive: ArrayLike<number | boolean>,
  score: ArrayLike<number>,
): RocCurve | null {
  const { threshold, truePositives, falsePositives } = countsByThreshold(positive, score);
  const last = threshold.length - 1;
  const [positives, negatives] = [truePositives[last], falsePositives[last]];
  if (!positives || !negatives) return null;
  const bend = (values: number[], i: number) => values[i - 1] - 2 * values[i] + values[i + 1] !== 0;
  const kept = threshold.map((_, i) => i).filter((i) =>
    i === 0 || i === last || bend(truePositives, i) || bend(falsePositives, i)
  );
  return {
    false_positive_rate: [0, ...kept.map((i) => falsePositives[i] / negatives)],
    true_positive_rate: [0, ...kept.map((i) => truePositives[i] / positives)],
    threshold: [null, ...kept.map((i) => threshold[i])],
  };
}

/**
 * Precision-recall points and average precision (the step sum, no interpolation).
 * @returns null when there is no positive
 */
export function precisionRecallCurve(
  positive: ArrayLike<number | boolean>,
  score: ArrayLike<number>,
): PrecisionRecallCurve | null {
  const { threshold, truePositives, falsePositives } = countsByThreshold(positive, score);
  const positives = truePositives.at(-1);
  if (!positives) return null;
  const precision = threshold.map((_, i) =>
    truePositives[i] / (truePositives[i] + falsePositives[i])
  );
  const recall = truePositives.map((count) => count / positives);
  const average_precision = recall.reduce(
    (sum, value, i) => sum + (value - (i ? recall[i - 1] : 0)) * precision[i],
    0,
  );
  return {
    precision: [...precision.reverse(), 1],
    recall: [...recall.reverse(), 0],
    threshold: [...threshold.reverse(), null],
    average_precision,
  };
}

/** For each distinct score, falling: how many positives and negatives score at or above it. */
function countsByThreshold(positive: ArrayLike<number | boolean>, score: ArrayLike<number>) {
  const order = Uint32Array.from({ length: score.length }, (_, i) => i)
    .sort((a, b) => score[b] - score[a]);
  const threshold: number[] = [];
  const truePositives: number[] = [];
  const falsePositives: number[] = [];
  let [truths, falses] = [0, 0];
  order.forEach((at, i) => {
    if (positive[at]) truths++;
    else falses++;
    if (i + 1 < order.length && score[order[i + 1]] === score[at]) return;
    threshold.push(score[at]);
    truePositives.push(truths);
    falsePositives.push(falses);
  });
  return { threshold, truePositives, falsePositives };
}
