/** What a classifier said about a set of images, the input of every metric. */

/** Per-image class probabilities beside the truth; `images`, `labels` and `probabilities` run in parallel. */
export interface Scores {
  /** Class names, in the order of the probabilities. */
  classes: string[];
  /** Image ids. */
  images: string[];
  /** True class of each image, an index into `classes`: [N]. */
  labels: number[];
  /** Class probabilities: [N][C]. */
  probabilities: number[][];
}

/** Whether an image has a finding; null where that is not known. */
export type Truth = 0 | 1 | null;

/** The same of a multi-label classifier, whose probabilities do not add up to 1. */
export interface MultiLabelScores {
  /** Findings, in the order of the probabilities. */
  classes: string[];
  images: string[];
  /** [N][K] */
  truths: Truth[][];
  /** [N][K] */
  probabilities: number[][];
}

export type AnyScores = Scores | MultiLabelScores;

export const isMultiLabel = (scores: AnyScores): scores is MultiLabelScores => "truths" in scores;

/** One finding as a classifier of two classes, over the images of which it is known: absent first. */
export function scoresOfFinding(
  { classes, images, truths, probabilities }: MultiLabelScores,
  k: number,
) {
  const rows = truths.flatMap((row, i) => row[k] === null ? [] : [i]);
  return {
    rows,
    scores: {
      classes: [`no ${classes[k]}`, classes[k]],
      images: rows.map((i) => images[i]),
      labels: rows.map((i) => truths[i][k]!),
      probabilities: rows.map((i) => [1 - probabilities[i][k], probabilities[i][k]]),
    } satisfies Scores,
  };
}

/** Index of the largest value; the first of equals. */
export function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

/** The rows of `scores` at `rows` (repeats allowed). */
export function take(scores: Scores, rows: ArrayLike<number>): Scores {
  const at = Array.from(rows);
  return {
    classes: scores.classes,
    images: at.map((i) => scores.images[i]),
    labels: at.map((i) => scores.labels[i]),
    probabilities: at.map((i) => scores.probabilities[i]),
  };
}

/** Several sets of scores over the same classes, one after the other (the folds of a cross-validation). */
export function concatenate(parts: Scores[]): Scores {
  return {
    classes: parts[0]?.classes ?? [],
    images: parts.flatMap((part) => part.images),
    labels: parts.flatMap((part) => part.labels),
    probabilities: parts.flatMap((part) => part.probabilities),
  };
}
