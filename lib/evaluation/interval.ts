/**
 * Intervals and p values of a mean over runs, and of its difference to another cell's. Two cells are compared run by
 * run on the same images, and patients are drawn alike on both sides.
 *
 * Seeds are a sample of trainings, patients one of images; a mean is uncertain by both. Its variance is that of
 * Obuchowski and Rockette (1995), runs in the place of readers: s2 / R of the R values, which holds the patients' share
 * as far as runs are tested on different ones, plus the covariance of two runs' values over resamples of patients,
 * which is what they share; never less than resamples of patients alone give. The interval is Student's t with
 * Hillis's degrees of freedom (2007). Without a shared patient it is about the t interval over runs; with runs that
 * differ by nothing it is that of the patients.
 *
 * The folds of a cross-validation are no sample: each patient stands in one, so that patients alone are drawn.
 */
import { below, stream } from "@/lib/random.ts";
import { normalTail, studentQuantile, studentTail } from "./distributions.ts";
import { endInterval, LEVEL, resamplesFor } from "./evaluation_intervals.ts";
import { quantile } from "./quantile.ts";
import { type FigureName, FIGURES, type ResampledRun } from "./weighted.ts";

export { LEVEL };

/** What a run is: a training of its own, or a part of one cross-validation. */
export type RunKind = "seed" | "fold";

export const INTERVAL_METHODS = ["t_over_runs_and_patients", "patients"] as const;
export const TESTS = ["paired_t_over_runs", "patients"] as const;

export interface Spread {
  value: number;
  /** Interval, 95 %. */
  low: number;
  high: number;
  /** Runs behind it. */
  n: number;
  interval_method: typeof INTERVAL_METHODS[number];
  /** Two-sided, that the true value is 0; null where that cannot be tested. Only of differences of use. */
  p: number | null;
  /** What `p` is of: over runs it takes the patients as they are. */
  test: typeof TESTS[number];
  /** As `p`, with the uncertainty by patients that the interval has. */
  p_with_patients: number | null;
}

export interface SpreadOptions {
  run_kind: RunKind;
  resamples?: number;
}

/**
 * Mean over runs, or mean difference to the same runs of another cell.
 * @param units how many units (patients) the numbering of the runs has
 * @returns null for a figure that is not defined in any run
 */
export function spreads(
  runs: ResampledRun[],
  against: ResampledRun[] | null,
  units: number,
  { run_kind, resamples = resamplesOf(runs, against) }: SpreadOptions,
): Record<FigureName, Spread | null> {
  const values = (weights: ArrayLike<number>) =>
    runs.map((run, r) => {
      const [a, b] = [run.at(weights), against?.[r].at(weights)];
      return Object.fromEntries(
        FIGURES.map((name) => [name, minus(a[name], b === undefined ? 0 : b[name])]),
      ) as Record<FigureName, number | null>;
    });
  const first = values(new Uint16Array(units).fill(1));
  const drawn: Record<FigureName, number | null>[][] = [];
  const place = stream("study interval");
  for (let r = 0; r < (runs.length > 0 ? resamples : 0); r++) {
    const weights = new Uint16Array(units);
    for (let i = 0; i < units; i++) weights[below(units, 0, place, r, i)]++;
    drawn.push(values(weights));
  }
  return Object.fromEntries(FIGURES.map((name) => {
    const defined = runs.map((_, i) => i).filter((i) => first[i][name] !== null);
    if (defined.length === 0) return [name, null];
    const known = defined.map((i) => first[i][name]!);
    const series = defined.map((i) => drawn.map((values) => values[i][name]));
    const fewest = Math.min(...defined.map((i) => runs[i].fewest(name)));
    return [name, spread(known, series, { run_kind, difference: against !== null, fewest })];
  })) as Record<FigureName, Spread | null>;
}

/** @param series of each run, its values over the resamples */
function spread(
  known: number[],
  series: (number | null)[][],
  { run_kind, difference, fewest }: { run_kind: RunKind; difference: boolean; fewest: number },
): Spread {
  const n = known.length;
  const value = mean(known)!;
  const means = series[0].map((_, r) => mean(series.map((own) => own[r])))
    .filter((value) => value !== null);
  const bounds: [number, number] = difference ? [-1, 1] : [0, 1];
  const found = { value, n };
  // With too few draws nothing is known but the bounds.
  const enough = means.length >= Math.max(2, series[0].length / 2) && fewest > 1;
  const patients = enough ? Math.sqrt(variance(means)) : NaN;
  if (n < 2 || run_kind === "fold") {
    const p = test(value, patients, Infinity);
    return {
      ...found,
      ...ends(enough ? percentiles(means) : bounds),
      ...{ interval_method: "patients", p, test: "patients", p_with_patients: p },
    };
  }
  const own = variance(known) / n;
  const each = mean(series.map((one) => variance(one.filter((value) => value !== null))))!;
  const shared = enough ? Math.max(0, (n * patients ** 2 - each) / (n - 1)) : 0;
  // A few runs may agree by luck: their mean is no more certain than its patients let it be.
  const whole = Math.max(own + shared, enough ? patients ** 2 : 0);
  const error = Math.sqrt(whole);
  const df = own > 0 ? whole ** 2 / (own ** 2 / (n - 1)) : Infinity;
  const half = error > 0 ? studentQuantile(LEVEL, df) * error : 0;
  return {
    ...found,
    ...ends(
      enough || own > 0
        ? [Math.max(bounds[0], value - half), Math.min(bounds[1], value + half)]
        : bounds,
    ),
    interval_method: "t_over_runs_and_patients",
    ...{ p: test(value, Math.sqrt(own), n - 1), test: "paired_t_over_runs" },
    p_with_patients: enough ? test(value, error, df) : null,
  };

  /** A point at an end of the scale is no interval: what a true value may be to come out so. */
  function ends([low, high]: [number, number]): { low: number; high: number } {
    if (low === high && !difference && (value === 0 || value === 1)) {
      [low, high] = endInterval(value, fewest);
    }
    return { low, high };
  }
}

/** Two-sided p of value / error; equal throughout: 1, different throughout by the same: it cannot be told. */
function test(value: number, error: number, df: number): number | null {
  if (!(error >= 0)) return null;
  if (error === 0) return value === 0 ? 1 : null;
  return df === Infinity ? normalTail(value / error) : studentTail(value / error, df);
}

function percentiles(values: number[]): [number, number] {
  const sorted = Float64Array.from(values).sort();
  return [quantile(sorted, (1 - LEVEL) / 2), quantile(sorted, (1 + LEVEL) / 2)];
}

function resamplesOf(runs: ResampledRun[], against: ResampledRun[] | null): number {
  return resamplesFor([...runs, ...against ?? []].reduce((sum, { work }) => sum + work, 0));
}

function minus(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a - b;
}

/** Over those that are defined. */
function mean(values: (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length > 0 ? known.reduce((sum, value) => sum + value, 0) / known.length : null;
}

/** Of a sample; 0 of fewer than two. */
function variance(values: number[]): number {
  if (values.length < 2) return 0;
  // Values that are all alike have none, whatever their mean is rounded to.
  if (values.every((value) => value === values[0])) return 0;
  const centre = mean(values)!;
  return values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1);
}
