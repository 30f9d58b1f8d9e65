/** What stands behind a study's figures: curves over its runs with their bands, confusion, and the images themselves. */
import { z } from "zod";
import type { PrecisionRecallCurve, RocCurve } from "@/lib/evaluation/curve.ts";
import { notAClass } from "@/lib/datasets/positive_label.ts";
import { argmax } from "@/lib/evaluation/scores.ts";
import type { OneLabelEvaluation } from "./finding_evaluation.ts";
import type { StudyTable, TableCell } from "./table_schema.ts";

const bandSchema = z.object({
  x: z.array(z.number()),
  mean: z.array(z.number()),
  low: z.array(z.number()).describe("Least of the runs"),
  high: z.array(z.number()).describe("Greatest of the runs"),
  n: z.number().describe("Runs in which the curve is defined"),
}).meta({ id: "CurveBand" });
export type Band = z.output<typeof bandSchema>;

const caseSchema = z.object({
  image: z.string(),
  label: z.string(),
  predicted: z.string().describe("By the mean probability over the runs that tested it"),
  probability: z.number().describe("Mean, of the predicted class"),
  runs: z.number(),
}).meta({ id: "StudyCase" });
export type Case = z.output<typeof caseSchema>;

export const studyReportSchema = z.object({
  study: z.string(),
  classes: z.array(z.string()),
  class: z.string().nullable().describe("The class of curves and calibration, against all others"),
  warnings: z.array(z.string()).describe(
    "Why there are no curves, where the set's positive label is no class",
  ),
  rows: z.array(z.object({
    row: z.string(),
    backbone: z.string(),
    images: z.number().describe("Different images that its runs were tested on"),
    base_rate: z.number().nullable().describe("Share of these images that are of the class"),
    roc: bandSchema.nullable().describe("True by false positive rate; null where no run has it"),
    precision_recall: bandSchema.nullable().describe("Precision by recall"),
    calibration: z.array(z.object({
      probability: z.number().describe("Mean of what was said"),
      share: z.number().describe("That is of the class"),
      images: z.number(),
    })).describe("Ten equal bins over all runs; empty ones are left out"),
    confusion: z.array(z.array(z.number()))
      .describe(
        "Counts over all runs: row = truth, column = prediction, in the order of `classes`",
      ),
    mistakes: z.array(caseSchema).describe("The most certain ones first"),
  })),
  compared: z.array(z.object({
    row: z.string().describe("With gaze"),
    against: z.string().describe("The same method without"),
    backbone: z.string(),
    gained: z.array(caseSchema.extend({ other: caseSchema }))
      .describe("Right with gaze, wrong without: those that moved furthest first"),
    lost: z.array(caseSchema.extend({ other: caseSchema })),
  })),
}).meta({ id: "StudyReport" });
export type StudyReport = z.output<typeof studyReportSchema>;

/** Places at which curves are compared. */
const GRID = Array.from({ length: 51 }, (_, i) => i / 50);

export interface ReportSource {
  study: string;
  table: StudyTable;
  /** Of the table's cells, by id, of one label an image; those that are gone are absent. */
  evaluations: Map<string, OneLabelEvaluation>;
  /** Findings that are not shown, of a multi-label study. */
  others?: string[];
  /** Of the curves; the positive one, or the first, without it. */
  label?: string;
  /** Cases of each kind at most. */
  most: number;
}

export function studyReport(
  { study, table, evaluations, label, most, others = [] }: ReportSource,
): StudyReport {
  const of = (cell: TableCell) => cell.evaluations.flatMap((id) => evaluations.get(id) ?? []);
  const first = table.cells.flatMap(of)[0];
  const classes = first?.metrics.classes ?? [];
  const wanted = label ?? table.positive_label ?? classes[0] ?? null;
  const shown = wanted !== null && classes.includes(wanted) ? wanted : null;
  const cells = table.cells.map((cell) => ({ cell, runs: of(cell), cases: casesOf(of(cell)) }));
  return {
    study,
    classes,
    class: shown,
    warnings: others.length > 0
      ? [
        `The study is multi-label, and this is the report of the finding "${wanted}" alone. Ask for another by ` +
        `\`class\`: ${others.join(", ")}`,
      ]
      : wanted === null || shown !== null || classes.length === 0
      ? []
      : [
        `No curves and no calibration: ${
          notAClass(wanted, classes)
        }. Ask for one of them by \`class\``,
      ],
    rows: cells.filter(({ runs }) => runs.length > 0).map(({ cell, runs, cases }) => ({
      row: cell.row,
      backbone: cell.backbone,
      images: cases.size,
      base_rate: shown === null ? null : shareOf([...cases.values()], shown),
      roc: shown === null ? null : rocBand(runs.map(({ metrics }) => metrics.roc[shown])),
      precision_recall: shown === null
        ? null
        : precisionBand(runs.map(({ metrics }) => metrics.precision_recall[shown])),
      calibration: shown === null ? [] : calibrationOf(runs, shown),
      confusion: summed(runs.map(({ metrics }) => metrics.confusion)),
      mistakes: [...cases.values()].filter(isWrong)
        .sort((a, b) => b.probability - a.probability).slice(0, most).map(toCase),
    })),
    compared: cells.flatMap(({ cell, cases }) => {
      const { method, arm } = table.rows.find(({ key }) => key === cell.row)!;
      const against = table.rows.find((row) => row.method === method && row.arm === "none");
      const other = cells.find((one) =>
        one.cell.row === against?.key && one.cell.backbone === cell.backbone
      );
      if (arm !== "gaze" || !against || !other) return [];
      return [{
        row: cell.row,
        against: against.key,
        backbone: cell.backbone,
        gained: changed(cases, other.cases, most, false),
        lost: changed(cases, other.cases, most, true),
      }];
    }),
  };
}

interface Known extends Case {
  /** Mean probability of each class. */
  probabilities: Record<string, number>;
}

const toCase = ({ probabilities: _, ...known }: Known): Case => known;
const isWrong = ({ label, predicted }: Case) => label !== predicted;

/** The images of several runs with what these say on the average. */
function casesOf(runs: OneLabelEvaluation[]): Map<string, Known> {
  const groups = Map.groupBy(runs.flatMap(({ scores }) => scores), ({ image }) => image);
  return new Map(
    [...groups].map(([image, scores]) => {
      const classes = Object.keys(scores[0].probabilities);
      const means = classes.map((name) =>
        scores.reduce((sum, { probabilities }) => sum + (probabilities[name] ?? 0), 0) /
        scores.length
      );
      const best = argmax(means);
      return [image, {
        image,
        label: scores[0].label,
        predicted: classes[best],
        probability: means[best],
        runs: scores.length,
        probabilities: Object.fromEntries(classes.map((name, c) => [name, means[c]])),
      }];
    }),
  );
}

/** Images that one is right about and the other wrong. */
function changed(own: Map<string, Known>, others: Map<string, Known>, most: number, lost: boolean) {
  const moved = ({ label, probabilities }: Known, other: Known) =>
    Math.abs(probabilities[label] - other.probabilities[label]);
  return [...own.values()].flatMap((one) => {
    const other = others.get(one.image);
    return other && isWrong(one) === lost && isWrong(other) !== lost ? [{ one, other }] : [];
  }).sort((a, b) => moved(b.one, b.other) - moved(a.one, a.other)).slice(0, most)
    .map(({ one, other }) => ({ ...toCase(one), other: toCase(other) }));
}

const shareOf = (cases: Case[], label: string) =>
  cases.length > 0 ? cases.filter((one) => one.label === label).length / cases.length : null;

function rocBand(curves: (RocCurve | null | undefined)[]): Band | null {
  return bandOf(
    curves.flatMap((curve) =>
      curve ? [GRID.map((x) => linear(curve.false_positive_rate, curve.true_positive_rate, x))] : []
    ),
  );
}

/** Precision at a recall: that of the strictest threshold which reaches it. */
function precisionBand(curves: (PrecisionRecallCurve | null | undefined)[]): Band | null {
  return bandOf(
    curves.flatMap((curve) =>
      curve
        ? [GRID.map((x) => curve.precision[curve.recall.findLastIndex((recall) => recall >= x)])]
        : []
    ),
  );
}

/** Between the points of a rising curve; where it goes straight up, the top. */
function linear(x: number[], y: number[], at: number): number {
  const last = x.findLastIndex((value) => value <= at);
  if (last === x.length - 1 || x[last] === at) return y[last];
  const part = (at - x[last]) / (x[last + 1] - x[last]);
  return y[last] + part * (y[last + 1] - y[last]);
}

/** Over curves that are known at the same places: [runs][places]. */
function bandOf(curves: number[][]): Band | null {
  if (curves.length === 0) return null;
  const over = (reduce: (values: number[]) => number) =>
    GRID.map((_, i) => Number(reduce(curves.map((curve) => curve[i])).toFixed(5)));
  return {
    x: GRID,
    mean: over((values) => values.reduce((sum, value) => sum + value, 0) / values.length),
    low: over((values) => Math.min(...values)),
    high: over((values) => Math.max(...values)),
    n: curves.length,
  };
}

function calibrationOf(runs: OneLabelEvaluation[], label: string) {
  const bins = Array.from({ length: 10 }, () => ({ images: 0, said: 0, hits: 0 }));
  for (const score of runs.flatMap(({ scores }) => scores)) {
    const probability = score.probabilities[label];
    const bin = bins[Math.min(9, Math.max(0, Math.ceil(probability * 10) - 1))];
    bin.images++;
    bin.said += probability;
    if (score.label === label) bin.hits++;
  }
  return bins.filter(({ images }) => images > 0).map(({ images, said, hits }) => ({
    probability: said / images,
    share: hits / images,
    images,
  }));
}

function summed(matrices: number[][][]): number[][] {
  return matrices[0].map((row, i) =>
    row.map((_, j) => matrices.reduce((sum, matrix) => sum + matrix[i][j], 0))
  );
}
