/**
 * DeLong's variance of an AUC and of a difference of two on the same images (DeLong, DeLong and Clarke-Pearson 1988),
 * by mid-ranks (Sun and Xu 2014). Images of one patient are not independent: their components are summed by patient
 * (Obuchowski 1997), which is DeLong's own estimate where every patient has one image.
 */
import { normalQuantile, normalTail } from "./distributions.ts";

export interface AucEstimate {
  auc: number;
  standard_error: number;
  low: number;
  high: number;
}

export interface AucComparison {
  a: AucEstimate;
  b: AucEstimate;
  difference: number;
  standard_error: number;
  low: number;
  high: number;
  /** Null where the standard error is 0 and the difference is not. */
  z: number | null;
  p: number | null;
}

/** What an AUC is made of. */
interface Components {
  auc: number;
  /** Of each image: share of the other side that stands on the right side of it. [N] */
  share: Float64Array;
}

/**
 * An AUC and its normal interval, kept within [0, 1].
 * @param positive [N]
 * @param score [N]
 * @param units number of each image's patient: [N]
 * @returns null where a side has images of fewer than two patients
 */
export function delong(
  positive: ArrayLike<boolean | number>,
  score: ArrayLike<number>,
  units: ArrayLike<number>,
  level = 0.95,
): AucEstimate | null {
  const a = components(positive, score);
  const variance = a && covariance(positive, units, a, a);
  return variance === null ? null : estimate(a!.auc, variance, level);
}

/** Two scores of the same images: the difference of their AUC, its normal interval, and the two-sided p. */
export function delongDifference(
  positive: ArrayLike<boolean | number>,
  scores: { a: ArrayLike<number>; b: ArrayLike<number> },
  units: ArrayLike<number>,
  level = 0.95,
): AucComparison | null {
  const [a, b] = [components(positive, scores.a), components(positive, scores.b)];
  if (!a || !b) return null;
  const [va, vb, vab] = [[a, a], [b, b], [a, b]].map(([x, y]) => covariance(positive, units, x, y));
  if (va === null || vb === null || vab === null) return null;
  const difference = a.auc - b.auc;
  const error = rootOf(va + vb - 2 * vab, va + vb);
  const half = normalQuantile(level) * error;
  const z = error > 0 ? difference / error : difference === 0 ? 0 : null;
  return {
    a: estimate(a.auc, va, level),
    b: estimate(b.auc, vb, level),
    difference,
    standard_error: error,
    low: Math.max(-1, difference - half),
    high: Math.min(1, difference + half),
    z,
    p: z === null ? null : normalTail(z),
  };
}

/**
 * The AUC of several scores of the same images, and their covariances.
 * @param scores [R][N]
 * @returns null where a side has images of fewer than two patients
 */
export function delongCovariances(
  positive: ArrayLike<boolean | number>,
  scores: ArrayLike<number>[],
  units: ArrayLike<number>,
): { auc: number[]; covariance: number[][] } | null {
  const all = scores.map((score) => components(positive, score));
  const auc: number[] = [];
  const rows: number[][] = [];
  for (const a of all) {
    if (!a) return null;
    auc.push(a.auc);
    const row: number[] = [];
    for (const b of all) {
      const value = covariance(positive, units, a, b!);
      if (value === null) return null;
      row.push(value);
    }
    rows.push(row);
  }
  return { auc, covariance: rows };
}

function estimate(auc: number, variance: number, level: number): AucEstimate {
  const error = rootOf(variance, 1);
  const half = normalQuantile(level) * error;
  return {
    auc,
    standard_error: error,
    low: Math.max(0, auc - half),
    high: Math.min(1, auc + half),
  };
}

/** @throws {Error} for a variance that is below 0 by more than rounding, or no number */
function rootOf(variance: number, scale: number): number {
  if (!(variance >= -1e-12 * scale)) {
    throw new Error(`Cannot take the standard error of an AUC: its variance is ${variance}`);
  }
  return Math.sqrt(variance <= 1e-15 * scale ? 0 : variance);
}

function components(
  positive: ArrayLike<boolean | number>,
  score: ArrayLike<number>,
): Components | null {
  const n = score.length;
  const order = Uint32Array.from({ length: n }, (_, i) => i).sort((i, j) => score[i] - score[j]);
  let positives = 0;
  for (let i = 0; i < n; i++) if (positive[i]) positives++;
  const negatives = n - positives;
  if (positives === 0 || negatives === 0) return null;
  const share = new Float64Array(n);
  let [p, q, sum] = [0, 0, 0]; // of each side: how many score lower
  for (let first = 0; first < n;) {
    let last = first;
    let [tiedP, tiedQ] = [0, 0];
    for (; last < n && score[order[last]] === score[order[first]]; last++) {
      if (positive[order[last]]) tiedP++;
      else tiedQ++;
    }
    for (let i = first; i < last; i++) {
      const at = order[i];
      share[at] = positive[at]
        ? (q + tiedQ / 2) / negatives
        : (positives - p - tiedP / 2) / positives;
      if (positive[at]) sum += share[at];
    }
    p += tiedP;
    q += tiedQ;
    first = last;
  }
  return { auc: sum / positives, share };
}

/** Covariance of two AUC over the same images; null where a side has fewer than two patients. */
function covariance(
  positive: ArrayLike<boolean | number>,
  units: ArrayLike<number>,
  a: Components,
  b: Components,
): number | null {
  // Of each patient: sums over the positive and over the negative images, of a and of b.
  const sums = new Map<number, { ap: number; aq: number; bp: number; bq: number; sides: number }>();
  let positives = 0;
  for (let i = 0; i < units.length; i++) {
    const sum = sums.get(units[i]) ?? { ap: 0, aq: 0, bp: 0, bq: 0, sides: 0 };
    sums.set(units[i], sum);
    if (positive[i]) {
      positives++;
      sum.ap += a.share[i] - a.auc;
      sum.bp += b.share[i] - b.auc;
      sum.sides |= 1;
    } else {
      sum.aq += a.share[i] - a.auc;
      sum.bq += b.share[i] - b.auc;
      sum.sides |= 2;
    }
  }
  const negatives = units.length - positives;
  let [withPositive, withNegative, s10, s01, s11] = [0, 0, 0, 0, 0];
  for (const { ap, aq, bp, bq, sides } of sums.values()) {
    if (sides & 1) withPositive++;
    if (sides & 2) withNegative++;
    s10 += ap * bp;
    s01 += aq * bq;
    s11 += ap * bq + aq * bp;
  }
  if (withPositive < 2 || withNegative < 2) return null;
  return withPositive / (withPositive - 1) * s10 / positives ** 2 +
    withNegative / (withNegative - 1) * s01 / negatives ** 2 +
    sums.size / (sums.size - 1) * s11 / (positives * negatives);
}
