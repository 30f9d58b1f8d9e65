/** What is stored of the evaluation of a multi-label classifier. */
import { quoted } from "@/lib/quoted.ts";
import { z } from "zod";
import { below, stream } from "@/lib/random.ts";
import { BINARY, type Binary, type BinaryFigures, THRESHOLD } from "./binary_figures.ts";
import { calibration, calibrationSchema } from "./calibration.ts";
import {
  precisionRecallCurve,
  precisionRecallCurveSchema,
  rocCurve,
  rocCurveSchema,
} from "./curve.ts";
import { delong } from "./delong.ts";
import { LEVEL, resamplesFor, Series } from "./evaluation_intervals.ts";
import {
  AVERAGED,
  type AveragedName,
  averages,
  binary,
  MultiLabelFigures,
  multiLabelFigures,
} from "./multi_label_figures.ts";
import { numbering } from "./patient_numbering.ts";
import { type MultiLabelScores, scoresOfFinding } from "./scores.ts";
import { fewPatients, pooledFolds } from "./warnings.ts";

const number = z.number().nullable();
const interval = z.tuple([z.number(), z.number()]).nullable();
const record = <Name extends string, T extends z.ZodType>(names: readonly Name[], of: T) =>
  z.object(Object.fromEntries(names.map((name) => [name, of])) as Record<Name, T>);

export const multiLabelImageScoreSchema = z.object({
  image: z.string(),
  labels: z.array(z.string()).describe("The findings that it has"),
  unknown: z.array(z.string()).describe("Those of which it is not known; they count nowhere"),
  predicted: z.array(z.string()).describe(`Those whose probability is above ${THRESHOLD}`),
  probabilities: z.record(z.string(), z.number()).describe(
    "Each of its own: they do not add up to 1",
  ),
  fold: z.number().optional()
    .describe("Fold in whose test part the image stood; absent without folds"),
  repeat: z.number().optional()
    .describe("Drawing of the labels that was trained on; absent without repeats"),
  patient: z.string().optional().describe("As known when it was evaluated"),
}).meta({ id: "MultiLabelImageScore" });
export type MultiLabelImageScore = z.output<typeof multiLabelImageScoreSchema>;

const averagesSchema = record(AVERAGED, number);

const findingSchema = z.object({
  finding: z.string(),
  present: z.number().describe("Images that have it"),
  absent: z.number(),
  unknown: z.number().describe("Images of which it is not known: they are left out here"),
  ...record(BINARY, number).shape,
  confusion: z.array(z.array(z.number()))
    .describe(`Counts at ${THRESHOLD}: row = truth, column = prediction, absent first`),
  auc_delong: z.object({ standard_error: number, interval }).nullable().describe(
    "By patients where one has several images (Obuchowski); null where a side has fewer than two, and with folds",
  ),
  intervals: record(BINARY, interval).describe("Percentiles over resamples of patients"),
}).meta({ id: "FindingMetrics" });

/** The single numbers, of a fold, a repeat, or their mean. */
export const multiLabelFiguresSchema = z.object({
  images: number,
  m_auc: number,
  ...Object.fromEntries(
    AVERAGED.flatMap((name) => [[`${name}_macro`, number], [`${name}_micro`, number]]),
  ) as Record<`${AveragedName}_${"macro" | "micro"}`, typeof number>,
}).meta({ id: "MultiLabelFigures" });
export type MultiLabelFigureSet = z.output<typeof multiLabelFiguresSchema>;

export const multiLabelMetricsSchema = z.object({
  multi_label: z.literal(true),
  images: z.number(),
  classes: z.array(z.string()).describe("The findings"),
  known: z.number().describe("Pairs of image and finding of which it is known"),
  unknown: z.number().describe("Pairs of which it is not: they count nowhere"),
  positive_label: z.string().nullable(),
  m_auc: number.describe(
    "AUC of the positive label; null without one, or where it has one side only; with folds of pooled scores: see `mean`",
  ),
  findings: z.array(findingSchema),
  macro: averagesSchema.describe(
    "Means over the findings that have both sides; with folds of the pooled scores, as all figures beside `mean`",
  ),
  micro: averagesSchema
    .describe("Of all known pairs of image and finding of the same findings, in one ranking"),
  left_out: z.array(z.string())
    .describe(
      "Findings that are absent, or present, in all images of which they are known: of no average",
    ),
  roc: z.record(z.string(), rocCurveSchema.nullable()).describe("By finding"),
  precision_recall: z.record(z.string(), precisionRecallCurveSchema.nullable())
    .describe("By finding"),
  calibration: z.record(z.string(), calibrationSchema).describe("By finding"),
  intervals: z.object({
    level: z.number(),
    resamples: z.number(),
    units: z.number().describe("Patients that are drawn; an image without a patient is one"),
    macro: record(AVERAGED, interval),
    micro: record(AVERAGED, interval),
  }),
  folds: z.array(z.object({ fold: z.number(), figures: multiLabelFiguresSchema })).optional(),
  repeats: z.array(z.object({ repeat: z.number(), figures: multiLabelFiguresSchema })).optional()
    .describe(
      "Of each drawing of the labels; all other metrics are those of the first, whose model is kept",
    ),
  mean: multiLabelFiguresSchema.optional()
    .describe("Over the folds or repeats where the figure is defined"),
  standard_deviation: multiLabelFiguresSchema.optional(),
  n: multiLabelFiguresSchema.optional()
    .describe("Folds or repeats in which each figure is defined: behind `mean`"),
  warnings: z.array(z.string()).describe("What to know before a figure is believed"),
}).meta({ id: "MultiLabelMetrics" });
export type MultiLabelMetrics = z.output<typeof multiLabelMetricsSchema>;

export const isMultiLabelMetrics = <Other extends object>(
  metrics: Other | MultiLabelMetrics,
): metrics is MultiLabelMetrics => "multi_label" in metrics;

export interface MultiLabelContext {
  /** Patient of each image, where known. */
  patients?: Map<string, string | null>;
  /** The parts are trainings on other drawings of labels, tested on the same images, and no folds. */
  repeated?: boolean;
}

/**
 * Metrics and the scores behind them. Those over all images pool the scores of the folds' models.
 * @param all one set of scores, or one per fold or repeat
 * @throws {Error} when there is no image, or a probability is no finite number
 */
export function multiLabelEvaluation(
  all: MultiLabelScores[],
  positive: string | null,
  { patients = new Map(), repeated = false }: MultiLabelContext = {},
): { metrics: MultiLabelMetrics; scores: MultiLabelImageScore[] } {
  const parts = repeated ? all.slice(0, 1) : all;
  const folded = parts.length > 1;
  const scores = all.flatMap((part, at) =>
    part.images.map((image, i): MultiLabelImageScore => ({
      image,
      labels: part.classes.filter((_, k) => part.truths[i][k] === 1),
      unknown: part.classes.filter((_, k) => part.truths[i][k] === null),
      predicted: part.classes.filter((_, k) => part.probabilities[i][k] > THRESHOLD),
      probabilities: Object.fromEntries(
        part.classes.map((name, k) => [name, part.probabilities[i][k]]),
      ),
      ...(repeated ? { repeat: at } : folded ? { fold: at } : {}),
      ...(patients.get(image) ? { patient: patients.get(image)! } : {}),
    }))
  );
  const pooled = concatenated(parts);
  const { unitOf, size } = numbering(patients);
  const units = pooled.images.map(unitOf);
  const metrics = metricsOf(pooled, { positive, units, patients: size(), folds: parts.length });
  if (all.length === 1) return { metrics, scores };
  const each = all.map((part) => figuresOf(part, positive));
  const names = Object.keys(multiLabelFiguresSchema.shape) as (keyof MultiLabelFigureSet)[];
  const over = (reduce: (values: number[]) => number | null) =>
    Object.fromEntries(names.map((name) => {
      const values = each.flatMap((figures) => figures[name] ?? []);
      return [name, reduce(values)];
    })) as MultiLabelFigureSet;
  return {
    metrics: {
      ...metrics,
      ...(repeated
        ? { repeats: each.map((figures, repeat) => ({ repeat, figures })) }
        : { folds: each.map((figures, fold) => ({ fold, figures })) }),
      mean: over((values) => values.length > 0 ? mean(values) : null),
      standard_deviation: over((values) => values.length > 0 ? deviation(values) : null),
      n: over((values) => values.length),
    },
    scores,
  };
}

/** The single numbers of one set of scores. */
export function figuresOf(scores: MultiLabelScores, positive: string | null): MultiLabelFigureSet {
  const { macro, micro, each } = multiLabelFigures(scores);
  return {
    images: scores.images.length,
    m_auc: positive === null ? null : each[scores.classes.indexOf(positive)].auc,
    ...Object.fromEntries(
      AVERAGED.flatMap((name) => [
        [`${name}_macro`, macro[name]],
        [`${name}_micro`, micro[name]],
      ]),
    ),
  } as MultiLabelFigureSet;
}

function metricsOf(
  scores: MultiLabelScores,
  { positive, units, patients, folds }: {
    positive: string | null;
    units: number[];
    patients: number;
    folds: number;
  },
): MultiLabelMetrics {
  const { classes } = scores;
  const { counts, each, macro, micro } = multiLabelFigures(scores);
  const figures = new MultiLabelFigures(scores, units);
  const found = intervalsOf(figures, patients);
  const parts = classes.map((_, k) => scoresOfFinding(scores, k));
  const byFinding = <T>(make: (truths: boolean[], probabilities: number[]) => T) =>
    Object.fromEntries(classes.map((name, k) => {
      const { labels, probabilities } = parts[k].scores;
      return [name, make(labels.map((label) => label === 1), probabilities.map((row) => row[1]))];
    }));
  const known = counts.reduce((sum, { present, absent }) => sum + present + absent, 0);
  return {
    multi_label: true,
    images: scores.images.length,
    ...{ classes, known },
    unknown: scores.images.length * classes.length - known,
    positive_label: positive,
    m_auc: positive === null ? null : each[classes.indexOf(positive)].auc,
    findings: classes.map((finding, k) => ({
      finding,
      ...counts[k],
      ...each[k],
      confusion: confusionOf(parts[k].scores),
      auc_delong: folds > 1 ? null : delongOf(parts[k], units),
      intervals: found.each[k],
    })),
    ...{ macro, micro },
    left_out: classes.filter((_, k) => !figures.whole.includes(k)),
    roc: byFinding(rocCurve),
    precision_recall: byFinding(precisionRecallCurve),
    calibration: byFinding(calibration),
    intervals: {
      ...{ level: LEVEL, resamples: found.resamples, units: patients },
      ...{ macro: found.macro, micro: found.micro },
    },
    warnings: [...pooledFolds(folds), ...warningsOf(scores, figures, patients)],
  };
}

type Part = ReturnType<typeof scoresOfFinding>;

function confusionOf({ labels, probabilities }: Part["scores"]): number[][] {
  const counts = [[0, 0], [0, 0]];
  labels.forEach((label, i) => counts[label][probabilities[i][1] > THRESHOLD ? 1 : 0]++);
  return counts;
}

function delongOf({ rows, scores: { labels, probabilities } }: Part, units: number[]) {
  const found = delong(
    labels.map((label) => label === 1),
    probabilities.map((row) => row[1]),
    rows.map((i) => units[i]),
  );
  if (!found) return null;
  const { standard_error, low, high } = found;
  // Without any spread the normal interval is a point, which nobody should believe.
  return {
    standard_error,
    interval: standard_error > 0 ? [low, high] as [number, number] : null,
  };
}

/** Of every figure, patients drawn with replacement. */
function intervalsOf(figures: MultiLabelFigures, patients: number) {
  const resamples = resamplesFor(2 * figures.work);
  const drawn = new Series();
  const place = stream("evaluation interval");
  const collect = (weights?: ArrayLike<number>) => {
    const { each, macro, micro } = figures.at(weights);
    each.forEach((one, k) => {
      for (const name of BINARY) drawn.push(`${k} ${name}`, one[name]);
    });
    for (const name of AVERAGED) {
      drawn.push(`macro ${name}`, macro[name]);
      drawn.push(`micro ${name}`, micro[name]);
    }
  };
  collect();
  for (let r = 0; r < resamples; r++) {
    const weights = new Uint16Array(patients);
    for (let i = 0; i < patients; i++) weights[below(patients, 0, place, r, i)]++;
    collect(weights);
  }
  const fewest = ({ patients: { present, absent } }: BinaryFigures) => Math.min(present, absent);
  const smallest = Math.min(patients, ...figures.whole.map((k) => fewest(figures.findings[k])));
  const ends = (name: keyof Binary) =>
    name === "brier_score" ? [] : name === "precision" || name === "f1" ? [1] : [0, 1];
  const average = (kind: "macro" | "micro") =>
    averages((name) => drawn.interval(`${kind} ${name}`, smallest, ends(name)));
  return {
    resamples,
    each: figures.findings.map((finding, k) =>
      binary((name) => drawn.interval(`${k} ${name}`, fewest(finding), ends(name)))
    ),
    ...{ macro: average("macro"), micro: average("micro") },
  };
}

function warningsOf(
  { classes, images, truths }: MultiLabelScores,
  figures: MultiLabelFigures,
  patients: number,
): string[] {
  const of = (is: (k: number) => boolean) => classes.filter((_, k) => is(k));
  const { counts, findings } = figures;
  const none = of((k) => counts[k].present + counts[k].absent === 0);
  const oneSided = of((k) => !figures.whole.includes(k) && !none.includes(classes[k]));
  const alone = of((k) => {
    const { present, absent } = findings[k].patients;
    return figures.whole.includes(k) && Math.min(present, absent) < 2;
  });
  const missing = truths.flat().filter((is) => is === null).length;
  return [
    ...(none.length > 0
      ? [
        `Of no tested image ${quoted(none)} is known: no figure is there, and no average counts it`,
      ]
      : []),
    ...(oneSided.length > 0
      ? [
        `All tested images of which ${
          quoted(oneSided)
        } is known are of one side: its AUC is not defined, and no ` +
        "average counts it",
      ]
      : []),
    ...(alone.length > 0
      ? [`The figures of ${quoted(alone)} rest on one patient on one of the two sides`]
      : []),
    ...(missing > 0
      ? [
        `${missing} of ${
          images.length * classes.length
        } pairs of image and finding are not known: they count ` +
        "nowhere, and figures of different findings stand on different images",
      ]
      : []),
    ...fewPatients(patients),
  ];
}

function concatenated(parts: MultiLabelScores[]): MultiLabelScores {
  return {
    classes: parts[0].classes,
    images: parts.flatMap((part) => part.images),
    truths: parts.flatMap((part) => part.truths),
    probabilities: parts.flatMap((part) => part.probabilities),
  };
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Population standard deviation, as in the paper's tables. */
function deviation(values: number[]): number {
  const centre = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - centre) ** 2)));
}
