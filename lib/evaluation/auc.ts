/** Area under the ROC curve by ranks, as scikit-learn's `roc_auc_score` has it. */
import type { Scores } from "./scores.ts";

/**
 * Probability that a positive scores above a negative, ties counting half (Mann-Whitney).
 * @param positive 1 for positives: [N]
 * @param score [N]
 * @returns null when there is no positive or no negative
 */
export function auc(
  positive: ArrayLike<number | boolean>,
  score: ArrayLike<number>,
): number | null {
  const n = score.length;
  const order = Uint32Array.from({ length: n }, (_, i) => i).sort((a, b) => score[a] - score[b]);
  let positives = 0;
  let rankSum = 0; // of the positives; equal scores share their mean rank
  for (let first = 0; first < n;) {
    let last = first;
    while (last + 1 < n && score[order[last + 1]] === score[order[first]]) last++;
    const rank = (first + last) / 2 + 1;
    for (let i = first; i <= last; i++) {
      if (positive[order[i]]) {
        positives++;
        rankSum += rank;
      }
    }
    first = last + 1;
  }
  const negatives = n - positives;
  if (positives === 0 || negatives === 0) return null;
  return (rankSum - positives * (positives + 1) / 2) / (positives * negatives);
}

/** AUC of class `c` against all others. */
export function oneVersusRest({ labels, probabilities }: Scores, c: number): number | null {
  return auc(labels.map((label) => label === c), probabilities.map((row) => row[c]));
}

/** Unweighted mean over the classes of one-versus-rest; null when a class has no image. */
export function macroOneVersusRest(scores: Scores): number | null {
  return meanOrNull(scores.classes.map((_, c) => oneVersusRest(scores, c)));
}

/**
 * Unweighted mean over pairs of classes (Hand and Till 2001): for a and b, the images of these two, the
 * mean of the AUC of a's probability and of b's. Null when a class has no image.
 */
export function macroOneVersusOne({ classes, labels, probabilities }: Scores): number | null {
  const pairs: (number | null)[] = [];
  for (let a = 0; a < classes.length; a++) {
    for (let b = a + 1; b < classes.length; b++) {
      const rows = labels.flatMap((label, i) => label === a || label === b ? [i] : []);
      const of = (c: number) =>
        auc(rows.map((i) => labels[i] === c), rows.map((i) => probabilities[i][c]));
      pairs.push(meanOrNull([of(a), of(b)]));
    }
  }
  return meanOrNull(pairs);
}

/** AUC of all pairs of image and class in one ranking, a pair being true for the image's own class. */
export function microOneVersusRest({ classes, labels, probabilities }: Scores): number | null {
  return auc(labels.flatMap((label) => classes.map((_, c) => label === c)), probabilities.flat());
}

function meanOrNull(values: (number | null)[]): number | null {
  let sum = 0;
  for (const value of values) {
    if (value === null) return null;
    sum += value;
  }
  return values.length === 0 ? null : sum / values.length;
}
