import { z } from "zod";
import { type Metrics, metrics, metricsSchema } from "./metrics.ts";
import { argmax, concatenate, type Scores } from "./scores.ts";

/** One image's row of an evaluation. */
export const imageScoreSchema = z.object({
  image: z.string(),
  label: z.string(),
  predicted: z.string(),
  probabilities: z.record(z.string(), z.number()),
  fold: z.number().optional()
    .describe("Fold in whose test part the image stood; absent without folds"),
}).meta({ id: "ImageScore" });
export type ImageScore = z.output<typeof imageScoreSchema>;

const number = z.number().nullable();

/** The single numbers of `Metrics`. */
export const figuresSchema = z.object({
  images: number,
  accuracy: number,
  balanced_accuracy: number,
  auc_macro_one_vs_rest: number,
  auc_macro_one_vs_one: number,
  m_auc: number,
  f1_macro: number,
  majority_class_accuracy: number,
  expected_calibration_error: number,
}).meta({ id: "Figures" });
export type Figures = z.output<typeof figuresSchema>;

const FIGURES = Object.keys(figuresSchema.shape) as (keyof Figures)[];

/** Metrics over all images; with folds also each fold's figures, their mean and population deviation. */
export const evaluationMetricsSchema = metricsSchema.extend({
  folds: z.array(z.object({ fold: z.number(), figures: figuresSchema })).optional(),
  mean: figuresSchema.optional().describe("Over the folds where the figure is defined"),
  standard_deviation: figuresSchema.optional(),
}).meta({ id: "EvaluationMetrics" });
export type EvaluationMetrics = z.output<typeof evaluationMetricsSchema>;

/**
 * What is stored of an evaluation: metrics and the scores behind them. The metrics over all images pool
 * the scores of the folds' models; a table cell takes `mean` and `standard_deviation`.
 * @param parts one set of scores, or one per fold
 */
export function evaluation(
  parts: Scores[],
  positive: string | null,
): { metrics: EvaluationMetrics; scores: ImageScore[] } {
  const folded = parts.length > 1;
  const scores = parts.flatMap((part, fold) =>
    part.images.map((image, i) => ({
      image,
      label: part.classes[part.labels[i]],
      predicted: part.classes[argmax(part.probabilities[i])],
      probabilities: Object.fromEntries(
        part.classes.map((name, c) => [name, part.probabilities[i][c]]),
      ),
      ...(folded ? { fold } : {}),
    }))
  );
  const pooled = metrics(concatenate(parts), positive);
  if (!folded) return { metrics: pooled, scores };
  const folds = parts.map((part, fold) => ({ fold, figures: figures(metrics(part, positive)) }));
  const over = (reduce: (values: number[]) => number) =>
    byFigure((name) => {
      const values = folds.flatMap(({ figures }) => figures[name] ?? []);
      return values.length ? reduce(values) : null;
    });
  return {
    metrics: { ...pooled, folds, mean: over(mean), standard_deviation: over(deviation) },
    scores,
  };
}

/** The single numbers among the metrics. */
export function figures(all: Metrics): Figures {
  return byFigure((name) => all[name]);
}

function byFigure(make: (name: keyof Figures) => number | null): Figures {
  return Object.fromEntries(FIGURES.map((name) => [name, make(name)])) as Figures;
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Population standard deviation, as in the paper's tables. */
function deviation(values: number[]): number {
  const centre = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - centre) ** 2)));
}
