/** Bootstrap over images: how far a figure, or a difference of two, could be off by the choice of images. */
import { below, stream } from "@/lib/random.ts";
import { type Scores, take } from "./scores.ts";

/** A figure of a set of scores; null where it is not defined (a class without images). */
export type Figure = (scores: Scores) => number | null;

/** The value on all images and the percentile interval over resamples. */
export interface Interval {
  value: number;
  low: number;
  high: number;
  /** Resamples in which the figure was defined. */
  resamples: number;
}

/** Options: `level` 0.95, `resamples` 2000, `seed` 0. */
export interface BootstrapOptions {
  level?: number;
  resamples?: number;
  seed?: number;
}

/** Percentile interval of one figure; null when it is not defined on the whole set. */
export function bootstrap(
  scores: Scores,
  figure: Figure,
  options: BootstrapOptions = {},
): Interval | null {
  return interval(
    scores.labels.length,
    (rows) => figure(rows ? take(scores, rows) : scores),
    options,
  );
}

/**
 * Percentile interval of `figure(a) - figure(b)`, both resampled by the same images.
 * @throws {Error} when the two are not about the same images in the same order
 */
export function pairedBootstrap(
  a: Scores,
  b: Scores,
  figure: Figure,
  options: BootstrapOptions = {},
): Interval | null {
  if (a.images.length !== b.images.length || a.images.some((id, i) => id !== b.images[i])) {
    throw new Error("Cannot compare two evaluations: they are not about the same images");
  }
  return interval(a.labels.length, (rows) => {
    const [first, second] = [a, b].map((scores) => figure(rows ? take(scores, rows) : scores));
    return first === null || second === null ? null : first - second;
  }, options);
}

function interval(
  n: number,
  value: (rows?: Uint32Array) => number | null,
  { level = 0.95, resamples = 2000, seed = 0 }: BootstrapOptions,
): Interval | null {
  const whole = value();
  if (whole === null) return null;
  const place = stream("bootstrap");
  const drawn: number[] = [];
  for (let r = 0; r < resamples; r++) {
    const rows = Uint32Array.from({ length: n }, (_, i) => below(n, seed, place, r, i));
    const resampled = value(rows);
    if (resampled !== null) drawn.push(resampled);
  }
  if (drawn.length === 0) return null;
  drawn.sort((x, y) => x - y);
  return {
    value: whole,
    low: quantile(drawn, (1 - level) / 2),
    high: quantile(drawn, (1 + level) / 2),
    resamples: drawn.length,
  };
}

/** Linear interpolation between order statistics (numpy's default); `sorted` rises. */
export function quantile(sorted: ArrayLike<number>, q: number): number {
  const at = q * (sorted.length - 1);
  const below = Math.floor(at);
  const above = Math.min(sorted.length - 1, below + 1);
  return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
}
