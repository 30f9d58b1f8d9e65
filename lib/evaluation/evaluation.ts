import { z } from "zod";
import { type Metrics, metrics, metricsSchema } from "./metrics.ts";
import { argmax, concatenate, type Scores } from "./scores.ts";
import { aucDelong, aucDelongSchema } from "./auc_delong.ts";
import { evaluationIntervals, evaluationIntervalsSchema } from "./evaluation_intervals.ts";
import {
  absent,
  type OperatingPoint,
  operatingPoints,
  operatingPointSchema,
  type Threshold,
} from "./operating_points.ts";
import {
  patientLevel,
  patientLevelSchema,
  type PatientScore,
  patientScores,
} from "./patient_level.ts";
import { numbering } from "./patient_numbering.ts";
import { pooledFolds, scoreWarnings } from "./warnings.ts";

/** One image's row of an evaluation. */
export const imageScoreSchema = z.object({
  image: z.string(),
  label: z.string(),
  predicted: z.string(),
  probabilities: z.record(z.string(), z.number()),
  fold: z.number().optional()
    .describe("Fold in whose test part the image stood; absent without folds"),
  repeat: z.number().optional()
    .describe("Drawing of the labels that was trained on; absent without repeats"),
  patient: z.string().optional().describe("As known when it was evaluated"),
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
  auc_micro_one_vs_rest: number,
  m_auc: number,
  f1_macro: number,
  majority_class_accuracy: number,
  expected_calibration_error: number,
  brier_score: number,
  mean_absolute_error: number,
  quadratic_weighted_kappa: number,
}).meta({ id: "Figures" });
export type Figures = z.output<typeof figuresSchema>;

const FIGURES = Object.keys(figuresSchema.shape) as (keyof Figures)[];

/** Metrics over all images; with folds also each fold's figures, their mean and population deviation. */
export const evaluationMetricsSchema = metricsSchema.extend({
  folds: z.array(z.object({ fold: z.number(), figures: figuresSchema })).optional(),
  repeats: z.array(z.object({ repeat: z.number(), figures: figuresSchema })).optional()
    .describe(
      "Of each drawing of the labels; all other metrics are those of the first, whose model is kept",
    ),
  mean: figuresSchema.optional().describe("Over the folds or repeats where the figure is defined"),
  standard_deviation: figuresSchema.optional(),
  n: figuresSchema.nullish()
    .describe("Folds or repeats in which each figure is defined: behind `mean`"),
  warnings: z.array(z.string()).nullish()
    .describe(
      "What to know before a figure is believed; null in an evaluation of an earlier version",
    ),
  intervals: evaluationIntervalsSchema.nullish()
    .describe("null in an evaluation of an earlier version"),
  auc_delong: z.array(aucDelongSchema).nullish()
    .describe("AUC of each class against the rest with its interval by DeLong; not with folds"),
  operating_points: z.array(operatingPointSchema).nullish()
    .describe("Of the positive class, at thresholds from the validation images"),
  operating_points_absent: z.string().nullish().describe("Why there are none"),
  patient_level: patientLevelSchema.nullish()
    .describe("null where the data set names no patients"),
}).meta({ id: "EvaluationMetrics" });
export type EvaluationMetrics = z.output<typeof evaluationMetricsSchema>;

/** What else is known of an evaluation. */
export interface EvaluationContext {
  /** Patient of each image, where known. */
  patients?: Map<string, string | null>;
  /** Of each part, from its validation images; null where there are none. */
  thresholds?: (Threshold[] | null)[];
  /** The parts are trainings on other drawings of labels, tested on the same images, and no folds. */
  repeated?: boolean;
}

/**
 * What is stored of an evaluation: metrics and the scores behind them. The metrics over all images pool
 * the scores of the folds' models; a table cell takes `mean` and `standard_deviation`.
 * @param all one set of scores, or one per fold or repeat
 */
export function evaluation(
  all: Scores[],
  positive: string | null,
  { patients = new Map(), thresholds: every = [], repeated = false }: EvaluationContext = {},
): { metrics: EvaluationMetrics; scores: ImageScore[] } {
  // Scores of one image by several models are no more images: metrics are those of the first model.
  const parts = repeated ? all.slice(0, 1) : all;
  const thresholds = repeated ? every.slice(0, 1) : every;
  const folded = parts.length > 1;
  const scores = all.flatMap((part, number) =>
    part.images.map((image, i) => ({
      image,
      label: part.classes[part.labels[i]],
      predicted: part.classes[argmax(part.probabilities[i])],
      probabilities: Object.fromEntries(
        part.classes.map((name, c) => [name, part.probabilities[i][c]]),
      ),
      ...(repeated ? { repeat: number } : folded ? { fold: number } : {}),
      ...(patients.get(image) ? { patient: patients.get(image)! } : {}),
    }))
  );
  const together = concatenate(parts);
  const pooled = metrics(together, positive);
  const { unitOf } = numbering(patients);
  const units = parts.map(({ images }) => images.map(unitOf));
  const points = operatingPoints(parts, positive, thresholds);
  const found = evaluationIntervals(parts, {
    ...{ units, positive },
    shares: points.flatMap(({ shares }) => shares),
  });
  const added = {
    warnings: warningsOf(parts, units),
    intervals: found.intervals,
    auc_delong: folded ? null : aucDelong(together, units[0]),
    operating_points: points.length > 0
      ? points.map(({ point }, k): OperatingPoint => {
        const [sensitivity, specificity] = found.shares.slice(2 * k);
        const intervals = point.sensitivity === null ? NO_INTERVALS : { sensitivity, specificity };
        return { ...point, intervals };
      })
      : null,
    operating_points_absent: points.length > 0 ? null : absent(positive, thresholds),
    patient_level: patientLevelOf(scores, { classes: pooled.classes, positive, folded }),
  };
  if (all.length === 1) return { metrics: { ...pooled, ...added }, scores };
  const each = all.map((part) => figures(metrics(part, positive)));
  const over = (reduce: (values: number[]) => number) =>
    byFigure((name) => {
      const values = each.flatMap((figures) => figures[name] ?? []);
      return values.length ? reduce(values) : null;
    });
  return {
    metrics: {
      ...pooled,
      ...(repeated
        ? { repeats: each.map((figures, repeat) => ({ repeat, figures })) }
        : { folds: each.map((figures, fold) => ({ fold, figures })) }),
      ...{ mean: over(mean), standard_deviation: over(deviation) },
      n: byFigure((name) => each.filter((figures) => figures[name] !== null).length),
      ...added,
    },
    scores,
  };
}

const NO_INTERVALS = { sensitivity: null, specificity: null };

/** What an evaluation of an earlier version lacks stands as null. */
export function completed(known: EvaluationMetrics): EvaluationMetrics {
  const whole = (found: Figures) => ({ ...found, ...byFigure(() => null), ...found });
  // Given twice, so that its fields keep their order.
  return {
    ...known,
    ...{ auc_micro_one_vs_rest: null, brier_score: null, calibration: null },
    ...{ mean_absolute_error: null, quadratic_weighted_kappa: null },
    ...{ warnings: null, intervals: null, auc_delong: null, operating_points: null },
    ...{ operating_points_absent: null, patient_level: null },
    ...known,
    per_class: known.per_class.map((row) => ({ ...row, brier_score: row.brier_score ?? null })),
    ...(known.folds && {
      folds: known.folds.map(({ fold, figures }) => ({ fold, figures: whole(figures) })),
      n: known.n ?? null,
    }),
    ...(known.mean && { mean: whole(known.mean) }),
    ...(known.standard_deviation && { standard_deviation: whole(known.standard_deviation) }),
  };
}

/** The patients of an evaluation with their scores, by the model that is kept; null where none is known. */
export function patientScoresOf(
  all: ImageScore[],
  classes: string[],
  positive: string | null,
): PatientScore[] | null {
  const scores = all.filter(({ repeat = 0 }) => repeat === 0);
  if (!scores.some(({ patient }) => patient !== undefined)) return null;
  return patientScores(
    {
      classes,
      images: scores.map(({ image }) => image),
      labels: scores.map(({ label }) => classes.indexOf(label)),
      probabilities: scores.map(({ probabilities }) => classes.map((name) => probabilities[name])),
    },
    scores.map(({ patient }) => patient ?? null),
    positive,
  );
}

function patientLevelOf(
  scores: ImageScore[],
  { classes, positive, folded }: { classes: string[]; positive: string | null; folded: boolean },
) {
  const found = patientScoresOf(scores, classes, positive);
  return found && patientLevel(found, { classes, positive, folded });
}

function warningsOf(parts: Scores[], units: number[][]): string[] {
  const whole = scoreWarnings(concatenate(parts), units.flat());
  if (parts.length === 1) return whole;
  const each = parts.flatMap((part, fold) =>
    scoreWarnings(part, units[fold]).map((text) => `Fold ${fold}: ${text}`)
  );
  return [...pooledFolds(parts.length), ...whole, ...each];
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
