/** Figures of classes that have an order, such as grades. */

/**
 * Rank of each class where the classes are ordered, which they are when every name is a number ("0" to "4"): by value,
 * so that "10" comes after "2". Null otherwise.
 */
export function classRanks(classes: string[]): number[] | null {
  const values = classes.map((name) => /^\s*[-+]?\d+(\.\d+)?\s*$/.test(name) ? Number(name) : NaN);
  if (values.some(Number.isNaN) || new Set(values).size < classes.length) return null;
  const rising = values.toSorted((a, b) => a - b);
  return values.map((value) => rising.indexOf(value));
}

/** Mean distance of the predicted from the true class, in ranks. @param confusion [truth][prediction] */
export function meanAbsoluteError(confusion: ArrayLike<number>[], ranks: number[]): number | null {
  let [sum, total] = [0, 0];
  ranks.forEach((truth, t) =>
    ranks.forEach((said, s) => {
      sum += confusion[t][s] * Math.abs(truth - said);
      total += confusion[t][s];
    })
  );
  return total > 0 ? sum / total : null;
}

/**
 * Cohen's kappa with quadratic weights (Cohen 1968): 1 less the squared distance over that of chance with the same
 * margins. Null where chance makes no error either: one class alone on both sides.
 */
export function quadraticWeightedKappa(
  confusion: ArrayLike<number>[],
  ranks: number[],
): number | null {
  const truths = ranks.map((_, t) => ranks.reduce((sum, _, s) => sum + confusion[t][s], 0));
  const said = ranks.map((_, s) => ranks.reduce((sum, _, t) => sum + confusion[t][s], 0));
  const total = truths.reduce((sum, count) => sum + count, 0);
  let [seen, chance] = [0, 0];
  ranks.forEach((truth, t) =>
    ranks.forEach((other, s) => {
      const weight = (truth - other) ** 2;
      seen += weight * confusion[t][s];
      chance += weight * truths[t] * said[s] / total;
    })
  );
  return chance > 0 ? 1 - seen / chance : null;
}
