/**
 * Intervals of a table's cell: a mean over runs, and its difference to another cell's. Patients are drawn with
 * replacement (one drawing for all runs, since runs share patients), and so are the runs: a cell is uncertain
 * by both. Two cells are compared run by run on the same images, so that the same drawing stands on both sides.
 */
import { below, stream } from "@/lib/random.ts";
import { quantile } from "./bootstrap.ts";
import { type FigureName, FIGURES, type WeightedFigures } from "./weighted.ts";

export interface Spread {
  value: number;
  /** Percentile interval, 95 %. */
  low: number;
  high: number;
  /** Runs behind it. */
  n: number;
}

export const LEVEL = 0.95;
export const RESAMPLES = 2000;

/**
 * Mean over runs, or mean difference to the same runs of another cell.
 * @param units how many units (patients) the numbering of the runs has
 * @returns null for a figure that is not defined in any run
 */
export function spreads(
  runs: WeightedFigures[],
  against: WeightedFigures[] | null,
  units: number,
): Record<FigureName, Spread | null> {
  const whole = new Uint16Array(units).fill(1);
  const values = (weights: Uint16Array) =>
    runs.map((run, r) => {
      const [a, b] = [run.at(weights), against?.[r].at(weights)];
      return Object.fromEntries(
        FIGURES.map((name) => [name, minus(a[name], b === undefined ? 0 : b[name])]),
      ) as Record<FigureName, number | null>;
    });
  const first = values(whole);
  const samples = runs.length > 0 ? RESAMPLES : 0;
  const drawn = Object.fromEntries(FIGURES.map((name) => [name, [] as number[]]));
  const place = stream("study interval");
  for (let r = 0; r < samples; r++) {
    const weights = new Uint16Array(units);
    for (let i = 0; i < units; i++) weights[below(units, 0, place, r, i)]++;
    const resampled = values(weights);
    const chosen = runs.map((_, i) => resampled[below(runs.length, 1, place, r, i)]);
    for (const name of FIGURES) {
      const mean = meanOf(chosen.map((value) => value[name]));
      if (mean !== null) drawn[name].push(mean);
    }
  }
  return Object.fromEntries(FIGURES.map((name) => {
    const known = first.map((value) => value[name]).filter((value) => value !== null);
    if (known.length === 0 || drawn[name].length === 0) return [name, null];
    const sorted = Float64Array.from(drawn[name]).sort();
    return [name, {
      value: meanOf(known)!,
      low: quantile(sorted, (1 - LEVEL) / 2),
      high: quantile(sorted, (1 + LEVEL) / 2),
      n: known.length,
    }];
  })) as Record<FigureName, Spread | null>;
}

function minus(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a - b;
}

/** Over those that are defined. */
function meanOf(values: (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length > 0 ? known.reduce((sum, value) => sum + value, 0) / known.length : null;
}
