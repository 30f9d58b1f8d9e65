/**
 * Velocity-threshold identification, in the steps of Tobii's filter: fill short gaps in each eye, choose the eye,
 * smooth, angular velocity over a window, threshold, merge neighbouring fixations, drop short ones.
 * A. Olsen, "The Tobii I-VT Fixation Filter: Algorithm description", 2012.
 */
import { z } from "zod";
import type { Fixation } from "../gaze.ts";
import { chosen, EPSILON, filled } from "./one_eye.ts";
import { angle, columnsOf, type Eye, eyeOf, intervalOf, LABEL, type Track } from "./track.ts";

/** Defaults: Tobii's "Fixation"; its "Attention" has 100 deg/s. */
export const ivtSpec = z.strictObject({
  kind: z.literal("ivt"),
  velocity_deg_s: z.number().positive().default(30),
  window_s: z.number().positive().max(1).default(0.02),
  fill_s: z.number().min(0).max(1).default(0.075),
  /** `strict_average`: only where both eyes were found. */
  eyes: z.enum(["average", "strict_average"]).default("average"),
  /** Samples of the moving average before the velocity; 1: none. */
  smooth: z.int().min(1).max(99).default(1),
  merge_s: z.number().min(0).max(1).default(0.075),
  merge_deg: z.number().min(0).max(10).default(0.5),
  minimum_s: z.number().min(0).max(10).default(0.06),
});

/** @returns fixations; `labels`: what every sample is, one of LABEL: [n] */
export function ivt(
  track: Track,
  spec: z.output<typeof ivtSpec>,
  px_per_degree: number,
): { fixations: Fixation[]; labels: Uint8Array } {
  const { t } = track;
  const n = t.length;
  const step = intervalOf(t);
  // A hole in the time is a gap too, unless the tracker is that slow.
  const longest = Math.max(spec.fill_s, 2.5 * step) + EPSILON;
  const gap = (i: number) => !(t[i] - t[i - 1] <= longest);
  const eye = smoothed(
    chosen(track.eyes.map((eye) => filled(eye, t, spec.fill_s)), spec.eyes),
    spec.smooth >> 1,
    gap,
  );
  const found = (i: number) => !Number.isNaN(eye.x[i]);
  const reach = Math.max(1, Math.round(spec.window_s / (step || spec.window_s)) >> 1);
  const labels = new Uint8Array(n).fill(LABEL.missing);
  for (let i = 0; i < n; i++) {
    if (!found(i)) continue;
    let [a, b] = [i, i];
    while (a > 0 && i - a < reach && found(a - 1) && !gap(a)) a--;
    while (b + 1 < n && b - i < reach && found(b + 1) && !gap(b + 1)) b++;
    const time = t[b] - t[a];
    labels[i] = time <= 0
      ? LABEL.unclassified
      : angle(eye, a, b, px_per_degree) / time < spec.velocity_deg_s
      ? LABEL.fixation
      : LABEL.saccade;
  }
  const fixations: Fixation[] = [];
  for (const span of merged(spans(labels, gap), eye, t, labels, spec, px_per_degree)) {
    // The last sample of a fixation lasts until the next one.
    const end = t[span.last] + (span.last + 1 < n && !gap(span.last + 1) ? step : 0);
    const long = end - t[span.first] >= spec.minimum_s - EPSILON;
    labels.fill(long ? LABEL.fixation : LABEL.unclassified, span.first, span.last + 1);
    if (!long) continue;
    fixations.push({
      x: mean(eye.x, span.first, span.last),
      y: mean(eye.y, span.first, span.last),
      start: t[span.first],
      duration: end - t[span.first],
    });
  }
  return { fixations, labels };
}

/** Samples of a fixation. */
interface Span {
  first: number;
  last: number;
}

/** Moving average over 2 `reach` + 1 samples, narrower (but centred) beside gaps. Positions of the eye stay. */
function smoothed(eye: Eye, reach: number, gap: (i: number) => boolean): Eye {
  if (reach === 0) return eye;
  const columns = columnsOf(eye);
  const n = eye.x.length;
  const out = columns.map((column) => column.slice());
  for (let i = 0; i < n; i++) {
    if (Number.isNaN(eye.x[i])) continue;
    let k = 0;
    while (
      k < reach && i - k > 0 && i + k + 1 < n && !Number.isNaN(eye.x[i - k - 1]) &&
      !Number.isNaN(eye.x[i + k + 1]) && !gap(i - k) && !gap(i + k + 1)
    ) k++;
    out.slice(0, 5).forEach((column, c) => column[i] = mean(columns[c], i - k, i + k));
  }
  return eyeOf(out);
}

/** Runs of samples labelled as fixation. */
function spans(labels: Uint8Array, gap: (i: number) => boolean): Span[] {
  const runs: Span[] = [];
  for (let i = 0; i < labels.length; i++) {
    if (labels[i] !== LABEL.fixation) continue;
    if (i > 0 && labels[i - 1] === LABEL.fixation && !gap(i)) runs[runs.length - 1].last = i;
    else runs.push({ first: i, last: i });
  }
  return runs;
}

/** Neighbours in time and in angle become one; never over a gap, which may be a blink. */
function merged(
  runs: Span[],
  eye: Eye,
  t: Float64Array,
  labels: Uint8Array,
  spec: z.output<typeof ivtSpec>,
  px_per_degree: number,
): Span[] {
  const out: Span[] = [];
  for (const run of runs) {
    const before = out.at(-1);
    if (before && t[run.first] - t[before.last] < spec.merge_s) {
      const between = labels.subarray(before.last + 1, run.first);
      const means = eyeOf(
        columnsOf(eye).map((column, k) =>
          // Positions are those of the fixations; the eye is taken where it was between the two.
          k < 5
            ? Float64Array.of(
              mean(column, before.first, before.last),
              mean(column, run.first, run.last),
            )
            : new Float64Array(2).fill((column[before.last] + column[run.first]) / 2)
        ),
      );
      if (!between.includes(LABEL.missing) && angle(means, 0, 1, px_per_degree) < spec.merge_deg) {
        before.last = run.last;
        continue;
      }
    }
    out.push({ ...run });
  }
  return out;
}

function mean(column: Float64Array, first: number, last: number): number {
  let sum = 0;
  for (let i = first; i <= last; i++) sum += column[i];
  return sum / (last - first + 1);
}
