/** The paired t test of values over runs: what a protocol fixed in advance asks for, the images as they are. */
import { studentQuantile, studentTail } from "./distributions.ts";
import { LEVEL } from "./evaluation_intervals.ts";

export interface PairedT {
  n: number;
  mean: number;
  /** Of the differences, as of a sample; null of fewer than two. */
  deviation: number | null;
  /** Of the mean, 95 %; null of fewer than two. */
  interval: [number, number] | null;
  /** Two-sided; null of fewer than two, and where all differ by the same. */
  p: number | null;
}

/** @param differences of the same runs of two rows */
export function pairedT(differences: number[]): PairedT {
  const n = differences.length;
  const mean = differences.reduce((sum, value) => sum + value, 0) / n;
  if (n < 2) return { n, mean, deviation: null, interval: null, p: null };
  const variance = differences.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  const error = Math.sqrt(variance / n);
  const half = studentQuantile(LEVEL, n - 1) * error;
  return {
    ...{ n, mean, deviation: Math.sqrt(variance), interval: [mean - half, mean + half] },
    p: error > 0 ? studentTail(mean / error, n - 1) : null,
  };
}

/**
 * The least mean difference that n runs of this deviation find in 80 of 100 cases, at 5 % (by the normal
 * approximation of the noncentral t).
 */
export function leastSeen(deviation: number, n: number): number {
  return (studentQuantile(LEVEL, n - 1) + studentQuantile(0.6, n - 1)) * deviation / Math.sqrt(n);
}
