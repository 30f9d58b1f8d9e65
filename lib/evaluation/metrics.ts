import { z } from "zod";
import { macroOneVersusOne, macroOneVersusRest, microOneVersusRest, oneVersusRest } from "./auc.ts";
import { calibration, calibrationSchema } from "./calibration.ts";
import {
  precisionRecallCurve,
  precisionRecallCurveSchema,
  rocCurve,
  rocCurveSchema,
} from "./curve.ts";
import { classRanks, meanAbsoluteError, quadraticWeightedKappa } from "./ordinal.ts";
import { argmax, type Scores } from "./scores.ts";

const number = z.number().nullable();
const EARLIER = "null in an evaluation of an earlier version";

/** Figures of one class against all others; null where the class, or all else, has no image. */
export const classMetricsSchema = z.object({
  label: z.string(),
  images: z.number(),
  sensitivity: number,
  specificity: number,
  precision: z.number(),
  f1: z.number(),
  auc_one_vs_rest: number,
  brier_score: number.describe(
    `Mean squared difference of the class's probability and the truth, 0 to 1; ${EARLIER}`,
  ),
}).meta({ id: "ClassMetrics" });
export type ClassMetrics = z.output<typeof classMetricsSchema>;

/** Everything said about a classifier on one set of images; each number carries its full name. */
export const metricsSchema = z.object({
  images: z.number(),
  classes: z.array(z.string()),
  accuracy: z.number(),
  balanced_accuracy: z.number().describe("Mean sensitivity over the classes that occur"),
  auc_macro_one_vs_rest: number,
  auc_macro_one_vs_one: number,
  auc_micro_one_vs_rest: number.describe(
    `Of all pairs of image and class in one ranking, each pair true or not; ${EARLIER}`,
  ),
  m_auc: number.describe(
    'One-versus-rest AUC of the positive class ("M-AUC": malignant); null without a positive class; ' +
      "with folds of the pooled scores of their models: see `mean`",
  ),
  positive_label: z.string().nullable(),
  f1_macro: z.number(),
  majority_class_accuracy: z.number()
    .describe("Accuracy of always saying the most frequent class"),
  majority_class: z.string(),
  expected_calibration_error: z.number()
    .describe("10 equal bins of the largest probability, mean gap by bin size"),
  brier_score: number.describe(
    "Mean over images of the squared error summed over classes, halved with two classes (then it is " +
      `that of either class, 0 to 1); ${EARLIER}`,
  ),
  mean_absolute_error: number.describe(
    "In ranks, of classes that are ordered because their names are numbers; null for others",
  ),
  quadratic_weighted_kappa: number.describe("Of ordered classes; null for others"),
  per_class: z.array(classMetricsSchema),
  confusion: z.array(z.array(z.number())).describe("Counts: row = truth, column = prediction"),
  roc: z.record(z.string(), rocCurveSchema.nullable()).describe("By class"),
  precision_recall: z.record(z.string(), precisionRecallCurveSchema.nullable())
    .describe("By class"),
  calibration: z.record(z.string(), calibrationSchema).nullable()
    .describe(`By class, against all others; ${EARLIER}`),
}).meta({ id: "Metrics" });
export type Metrics = z.output<typeof metricsSchema>;

/**
 * All metrics of a set of scores.
 * @param positive name of the class that M-AUC is about
 * @throws {Error} when there is no image, a probability is no finite number, or `positive` is not a class
 */
export function metrics(scores: Scores, positive: string | null = null): Metrics {
  const { classes, labels, probabilities } = scores;
  if (positive !== null && !classes.includes(positive)) {
    throw new Error(`Cannot evaluate: "${positive}" is not one of the classes [${classes}]`);
  }
  const confusion = confusionMatrix(scores);
  const counts = confusion.map((row) => row.reduce((sum, value) => sum + value, 0));
  const majority = argmax(counts);
  const ranks = classRanks(classes);
  const per_class = classes.map((label, c) => classMetrics(scores, confusion, c, label));
  const byClass = <T>(curve: (positive: boolean[], score: number[]) => T): Record<string, T> =>
    Object.fromEntries(classes.map((label, c) => [
      label,
      curve(labels.map((truth) => truth === c), probabilities.map((row) => row[c])),
    ]));
  return {
    images: labels.length,
    classes,
    ...accuracies(scores, confusion),
    auc_macro_one_vs_rest: macroOneVersusRest(scores),
    auc_macro_one_vs_one: macroOneVersusOne(scores),
    auc_micro_one_vs_rest: microOneVersusRest(scores),
    m_auc: positive === null ? null : per_class[classes.indexOf(positive)].auc_one_vs_rest,
    positive_label: positive,
    f1_macro: mean(per_class.map(({ f1 }) => f1)),
    majority_class_accuracy: counts[majority] / labels.length,
    majority_class: classes[majority],
    expected_calibration_error: calibrationError(scores),
    brier_score: brierScore(scores),
    mean_absolute_error: ranks && meanAbsoluteError(confusion, ranks),
    quadratic_weighted_kappa: ranks && quadraticWeightedKappa(confusion, ranks),
    per_class,
    confusion,
    roc: byClass(rocCurve),
    precision_recall: byClass(precisionRecallCurve),
    calibration: byClass(calibration),
  };
}

/**
 * Share of images that are said right, and mean of that over the classes that occur.
 * @throws {Error} when there is no image, or a probability is no finite number
 */
export function accuracies(
  scores: Scores,
  confusion = confusionMatrix(scores),
): { accuracy: number; balanced_accuracy: number } {
  const counts = confusion.map((row) => row.reduce((sum, value) => sum + value, 0));
  return {
    accuracy: confusion.reduce((sum, row, c) => sum + row[c], 0) / scores.labels.length,
    balanced_accuracy: mean(counts.flatMap((count, c) => count ? confusion[c][c] / count : [])),
  };
}

/**
 * Counts of [truth][prediction].
 * @throws {Error} when there is no image, or a probability is no finite number
 */
export function confusionMatrix(scores: Scores): number[][] {
  const { classes, labels, probabilities } = scores;
  if (labels.length === 0) throw new Error("Cannot evaluate: there is no image");
  assertFinite(scores);
  const confusion = classes.map(() => classes.map(() => 0));
  labels.forEach((label, i) => confusion[label][argmax(probabilities[i])]++);
  return confusion;
}

function classMetrics(
  scores: Scores,
  confusion: number[][],
  c: number,
  label: string,
): ClassMetrics {
  const total = scores.labels.length;
  const images = confusion[c].reduce((sum, value) => sum + value, 0);
  const said = confusion.reduce((sum, row) => sum + row[c], 0);
  const hit = confusion[c][c];
  return {
    label,
    images,
    sensitivity: images ? hit / images : null,
    specificity: total > images ? (total - images - said + hit) / (total - images) : null,
    precision: said ? hit / said : 0,
    f1: images + said ? 2 * hit / (images + said) : 0,
    auc_one_vs_rest: oneVersusRest(scores, c),
    brier_score: mean(
      scores.probabilities.map((row, i) => (row[c] - (scores.labels[i] === c ? 1 : 0)) ** 2),
    ),
  };
}

/** Squared error of an image's probabilities, summed over the classes: 0 to 2. */
export function squaredError(probabilities: number[], label: number): number {
  return probabilities.reduce((sum, p, c) => sum + (p - (c === label ? 1 : 0)) ** 2, 0);
}

/** Mean squared error (Brier 1950); halved with two classes, as scikit-learn's `brier_score_loss` does. */
function brierScore({ classes, labels, probabilities }: Scores): number {
  const sum = mean(probabilities.map((row, i) => squaredError(row, labels[i])));
  return classes.length === 2 ? sum / 2 : sum;
}

/** What is no number would count as the first class, and be written as null. */
function assertFinite({ classes, images, probabilities }: Scores): void {
  probabilities.forEach((row, i) =>
    row.forEach((p, c) => {
      if (Number.isFinite(p)) return;
      throw new Error(
        `Cannot evaluate: the probability of "${classes[c]}" for image "${
          images[i]
        }" is ${p}, no ` +
          "finite number. The model's weights or the image hold such numbers, or a training diverged",
      );
    })
  );
}

/** Sum over bins of |accuracy - mean confidence| times the share of images in the bin (Guo et al. 2017). */
export function calibrationError({ labels, probabilities }: Scores, bins = 10): number {
  const gaps = new Float64Array(bins);
  labels.forEach((label, i) => {
    const said = argmax(probabilities[i]);
    const confidence = probabilities[i][said];
    const bin = Math.min(bins - 1, Math.max(0, Math.ceil(confidence * bins) - 1));
    gaps[bin] += (said === label ? 1 : 0) - confidence;
  });
  return gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / labels.length;
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
