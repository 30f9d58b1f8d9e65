/** Two eyes become one: the short gaps of each are filled first, so that the mean does not jump to the eye that is left. */
import { columnsOf, type Eye, eyeOf, type Track } from "./track.ts";

/** Times are compared with this much tolerance, s: trackers round to microseconds. */
export const EPSILON = 2e-6;

/** Gaps no longer than `fill_s` (between the samples around them) become straight lines. */
export function filled(eye: Eye, t: Float64Array, fill_s: number): Eye {
  const columns = columnsOf(eye).map((column) => column.slice());
  const missing = (i: number) => columns.some((column) => Number.isNaN(column[i]));
  let last = -1; // last sample with gaze
  for (let i = 0; i < t.length; i++) {
    if (missing(i)) continue;
    if (last >= 0 && i - last > 1 && t[i] - t[last] <= fill_s + EPSILON) {
      for (let k = last + 1; k < i; k++) {
        const share = (t[k] - t[last]) / (t[i] - t[last]);
        for (const column of columns) column[k] = column[last] + share * (column[i] - column[last]);
      }
    }
    last = i;
  }
  return eyeOf(columns);
}

/** One eye of two: their mean, or the one that was found. */
export function chosen(eyes: Eye[], rule: "average" | "strict_average"): Eye {
  if (eyes.length === 1) return eyes[0];
  const [left, right] = eyes.map(columnsOf);
  return eyeOf(left.map((column, k) =>
    column.map((l, i) => {
      const r = right[k][i];
      if (Number.isNaN(l)) return rule === "average" ? r : NaN;
      if (Number.isNaN(r)) return rule === "average" ? l : NaN;
      return (l + r) / 2;
    })
  ));
}

/** The mean of both eyes where one was found; a track of one eye stays as it is. */
export function oneEye({ t, eyes }: Track, fill_s: number): Track {
  if (eyes.length === 1) return { t, eyes };
  const mean = chosen(eyes.map((eye) => filled(eye, t, fill_s)), "average");
  // What neither eye saw stays missing.
  const seen = (i: number) => eyes.some(({ x }) => !Number.isNaN(x[i]));
  const only = (column: Float64Array) => column.map((value, i) => seen(i) ? value : NaN);
  return { t, eyes: [{ x: only(mean.x), y: only(mean.y) }] };
}
