/**
 * Several readers, one set of cases (MRMC): the analysis of Obuchowski and Rockette 1995 with Hillis' degrees of
 * freedom (Hillis, Obuchowski and Berbaum 2011), readers and cases both random, covariances by DeLong. What it says
 * of the mean AUC holds for other readers and other cases, where DeLong's own interval holds for these readers alone.
 */
import { delongCovariances } from "./delong.ts";
import { studentQuantile, studentTail } from "./distributions.ts";

/** Every reader has read every case under every condition. */
export interface ReaderStudy {
  /** Truth of each case: [N]. */
  positive: ArrayLike<boolean | number>;
  /** Number of each case's patient: [N]. */
  units: ArrayLike<number>;
  /** Names of the conditions (modalities), and by each of them the scores of each reader: [T], [T][R][N]. */
  conditions: string[];
  scores: ArrayLike<number>[][];
}

export interface ConditionEstimate {
  condition: string;
  /** Mean over readers. */
  auc: number;
  standard_error: number;
  /** Of Hillis, Obuchowski and Berbaum; null where readers do not differ at all. */
  df: number | null;
  low: number;
  high: number;
}

export interface ConditionDifference {
  a: string;
  b: string;
  difference: number;
  standard_error: number;
  df: number | null;
  low: number;
  high: number;
  /** F of one and df degrees of freedom; null where nothing varies. */
  f: number | null;
  p: number | null;
}

export interface MrmcAnalysis {
  /** [T][R] */
  auc: number[][];
  conditions: ConditionEstimate[];
  /** All pairs, in order. */
  differences: ConditionDifference[];
}

/**
 * @returns null for fewer than two readers, or where a side has cases of fewer than two patients
 * @throws {RangeError} when conditions have not the same readers
 */
export function mrmc(study: ReaderStudy, level = 0.95): MrmcAnalysis | null {
  const { positive, units, conditions, scores } = study;
  const R = scores[0]?.length ?? 0;
  if (scores.some((readers) => readers.length !== R)) {
    throw new RangeError("Cannot compare conditions: not every reader has read under each of them");
  }
  if (R < 2) return null;
  const estimates = delongCovariances(positive, scores.flat(), units);
  if (!estimates) return null;
  const auc = scores.map((_, t) => estimates.auc.slice(t * R, (t + 1) * R));
  /** Covariance of two readers under two conditions, on average over the readers. */
  const covariance = (t: number, u: number, same: boolean) => {
    let sum = 0;
    for (let i = 0; i < R; i++) {
      for (let j = 0; j < R; j++) {
        if ((i === j) === same) sum += estimates.covariance[t * R + i][u * R + j];
      }
    }
    return sum / (same ? R : R * (R - 1));
  };
  const single = conditions.map((condition, t): ConditionEstimate => {
    const mean = average(auc[t]);
    const readers = squares(auc[t].map((value) => value - mean)) / (R - 1);
    const error = spread(readers, R * covariance(t, t, false), R);
    return { condition, auc: mean, ...interval(mean, error, R - 1, level, [0, 1]) };
  });
  const differences = conditions.flatMap((a, t) =>
    conditions.slice(t + 1).map((b, k): ConditionDifference => {
      const u = t + 1 + k;
      const difference = average(auc[t]) - average(auc[u]);
      const interaction = squares(auc[t].map((v, r) => v - auc[u][r] - difference)) / 2 / (R - 1);
      const second = (covariance(t, t, false) + covariance(u, u, false)) / 2;
      const error = spread(interaction, R * (second - covariance(t, u, false)), R / 2);
      const told = interval(difference, error, R - 1, level, [-1, 1]);
      const t2 = told.standard_error > 0 ? (difference / told.standard_error) ** 2 : null;
      return {
        ...{ a, b, difference },
        ...told,
        f: t2,
        p: t2 === null || told.df === null ? null : studentTail(Math.sqrt(t2), told.df),
      };
    })
  );
  return { auc, conditions: single, differences };
}

interface Spread {
  /** Mean square between readers, and what covariances of readers add to it. */
  square: number;
  whole: number;
  /** By which the variance of a mean over readers is smaller. */
  divisor: number;
}

/** What equal AUC differ by in their last digits. */
const ROUNDING = 1e-24;

/** A covariance estimated below 0 counts as 0. */
function spread(given: number, added: number, divisor: number): Spread {
  const square = given > ROUNDING ? given : 0;
  return { square, whole: square + Math.max(added, 0), divisor };
}

function interval(
  centre: number,
  { square, whole, divisor }: Spread,
  freedom: number,
  level: number,
  [least, most]: [number, number],
) {
  const standard_error = Math.sqrt(whole / divisor);
  const df = square > 0 ? whole ** 2 / (square ** 2 / freedom) : null;
  // Without any spread of readers the cases alone count, and a normal interval is the limit of Student's.
  const half = standard_error * studentQuantile(level, df ?? 1e9);
  return {
    ...{ standard_error, df },
    low: Math.max(least, centre - half),
    high: Math.min(most, centre + half),
  };
}

const squares = (values: number[]) => values.reduce((sum, value) => sum + value ** 2, 0);
const average = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
