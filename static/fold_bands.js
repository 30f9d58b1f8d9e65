/** Curves over the folds of an evaluation as a mean with a band, from the scores of its images. */

const GRID = Array.from({ length: 51 }, (_, i) => i / 50);

/**
 * @param {{label: string, probabilities: Record<string, number>, fold?: number}[]} scores
 * @param {string} label the class against all others
 * @returns {{roc: any, precisionRecall: any} | undefined} bands as a study's report has them; undefined without folds
 */
export function foldBands(scores, label) {
  const folds = [...Map.groupBy(scores, ({ fold }) => fold).entries()].filter(([fold]) =>
    fold !== undefined
  );
  if (folds.length < 2) return undefined;
  const counted = folds.map(([, own]) => countsOf(own, label)).filter(Boolean);
  return {
    roc: bandOf(counted.map(rocAt)),
    precisionRecall: bandOf(counted.map(precisionAt)),
  };
}

/** Of each distinct score, falling: shares of positives and negatives at or above it, and the precision. */
function countsOf(scores, label) {
  const sorted = scores.map((one) => [one.probabilities[label], one.label === label])
    .sort((a, b) => b[0] - a[0]);
  const positives = sorted.filter(([, is]) => is).length;
  const negatives = sorted.length - positives;
  if (positives === 0 || negatives === 0) return undefined;
  const rows = [{ fpr: 0, tpr: 0, precision: 1 }];
  let [hits, misses] = [0, 0];
  sorted.forEach(([score, is], i) => {
    if (is) hits++;
    else misses++;
    if (sorted[i + 1]?.[0] === score) return;
    rows.push({
      fpr: misses / negatives,
      tpr: hits / positives,
      precision: hits / (hits + misses),
    });
  });
  return rows;
}

function rocAt(rows) {
  return GRID.map((x) => {
    const last = rows.findLastIndex(({ fpr }) => fpr <= x);
    const [a, b] = [rows[last], rows[last + 1]];
    if (!b || a.fpr === x) return a.tpr;
    return a.tpr + (x - a.fpr) / (b.fpr - a.fpr) * (b.tpr - a.tpr);
  });
}

const precisionAt = (rows) => GRID.map((x) => rows.find(({ tpr }) => tpr >= x).precision);

function bandOf(curves) {
  if (curves.length === 0) return null;
  const over = (reduce) => GRID.map((_, i) => reduce(curves.map((curve) => curve[i])));
  return {
    x: GRID,
    mean: over((values) => values.reduce((sum, value) => sum + value, 0) / values.length),
    low: over((values) => Math.min(...values)),
    high: over((values) => Math.max(...values)),
    n: curves.length,
  };
}
