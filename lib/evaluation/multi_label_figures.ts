/** The figures of a multi-label classifier: of each finding, and their macro and micro averages. */
import { BINARY, type Binary, BinaryFigures, type BinaryName } from "./binary_figures.ts";
import type { MultiLabelScores } from "./scores.ts";

/** What averages are told of. */
export const AVERAGED = [
  "auc",
  "average_precision",
  "accuracy",
  "balanced_accuracy",
  "f1",
  "brier_score",
] as const satisfies readonly BinaryName[];
export type AveragedName = typeof AVERAGED[number];
export type Averages = Record<AveragedName, number | null>;

/** One finding over the images of which it is known. */
export interface FindingCounts {
  present: number;
  absent: number;
  unknown: number;
}

export interface MultiLabelResult {
  /** Mean over all that is known of the logarithmic loss. */
  loss: number;
  /** Share of all that is known that was said right. */
  accuracy: number;
  counts: FindingCounts[];
  each: Binary[];
  /** Means over the findings that have both sides; null where none has. */
  macro: Averages;
  /** Of all known pairs of image and finding of those findings, in one ranking. */
  micro: Averages;
}

/** Everything of a set of scores that does not change with the weights of patients. */
export class MultiLabelFigures {
  readonly counts: FindingCounts[];
  /** Places of the findings that have both sides: those that averages are made of. */
  readonly whole: number[];
  readonly findings: BinaryFigures[];
  readonly pooled: BinaryFigures;

  /** @param units number of each image's patient: [N] */
  constructor({ classes, truths, probabilities }: MultiLabelScores, units: ArrayLike<number>) {
    const known = (k: number) => truths.flatMap((row, i) => row[k] === null ? [] : [i]);
    const answers = (pairs: { i: number; k: number }[]) =>
      new BinaryFigures({
        truths: pairs.map(({ i, k }) => truths[i][k]!),
        scores: pairs.map(({ i, k }) => probabilities[i][k]),
        units: pairs.map(({ i }) => units[i]),
      });
    this.counts = classes.map((_, k) => {
      const of = (side: number | null) => truths.filter((row) => row[k] === side).length;
      return { present: of(1), absent: of(0), unknown: of(null) };
    });
    this.whole = this.counts.flatMap(({ present, absent }, k) =>
      present > 0 && absent > 0 ? [k] : []
    );
    this.findings = classes.map((_, k) => answers(known(k).map((i) => ({ i, k }))));
    this.pooled = answers(this.whole.flatMap((k) => known(k).map((i) => ({ i, k }))));
  }

  /** Passes over answers that `at` takes. */
  get work(): number {
    return this.findings.reduce((sum, { work }) => sum + work, this.pooled.work);
  }

  /**
   * A macro average is null where a finding that belongs to it has one side only in the resample.
   * @param weights of each patient; 1 each without: [units]
   */
  at(weights?: ArrayLike<number>): Pick<MultiLabelResult, "each" | "macro" | "micro"> {
    const each = this.findings.map((finding) => finding.at(weights));
    const micro = this.pooled.at(weights);
    const both = this.whole.map((k) => each[k]);
    return {
      each,
      macro: averages((name) => meanOf(both.map((figures) => figures[name]))),
      micro: averages((name) => this.whole.length > 0 ? micro[name] : null),
    };
  }
}

/** @throws {Error} when there is no image, or a probability is no finite number */
export function multiLabelFigures(scores: MultiLabelScores): MultiLabelResult {
  assertFinite(scores);
  const { truths, probabilities } = scores;
  let [loss, right, known] = [0, 0, 0];
  truths.forEach((row, i) =>
    row.forEach((is, k) => {
      if (is === null) return;
      const p = probabilities[i][k];
      known++;
      // The smallest f32 keeps a probability that rounds to 0 from an infinite loss.
      loss -= Math.log(Math.max(is === 1 ? p : 1 - p, 1.2e-38));
      if ((p > 0.5) === (is === 1)) right++;
    })
  );
  const figures = new MultiLabelFigures(scores, truths.map((_, i) => i));
  return { loss: loss / known, accuracy: right / known, counts: figures.counts, ...figures.at() };
}

/** What is no number would count as absent, and be written as null. */
function assertFinite({ classes, images, probabilities }: MultiLabelScores): void {
  if (images.length === 0) throw new Error("Cannot evaluate: there is no image");
  probabilities.forEach((row, i) =>
    row.forEach((p, k) => {
      if (Number.isFinite(p)) return;
      throw new Error(
        `Cannot evaluate: the probability of "${classes[k]}" for image "${
          images[i]
        }" is ${p}, no finite number. ` +
          "The model's weights or the image hold such numbers, or a training diverged",
      );
    })
  );
}

export function averages<T>(make: (name: AveragedName) => T): Record<AveragedName, T> {
  return Object.fromEntries(AVERAGED.map((name) => [name, make(name)])) as Record<AveragedName, T>;
}

export function binary<T>(make: (name: BinaryName) => T): Record<BinaryName, T> {
  return Object.fromEntries(BINARY.map((name) => [name, make(name)])) as Record<BinaryName, T>;
}

/** Null when one of them is, or there is none. */
function meanOf(values: (number | null)[]): number | null {
  let sum = 0;
  for (const value of values) {
    if (value === null) return null;
    sum += value;
  }
  return values.length > 0 ? sum / values.length : null;
}
