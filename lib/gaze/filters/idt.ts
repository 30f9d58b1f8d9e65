/**
 * Dispersion-threshold identification: a fixation is a window at least so long whose extent (width + height) stays
 * under the threshold. D. Salvucci, J. Goldberg, "Identifying fixations and saccades", ETRA 2000.
 */
import { z } from "zod";
import type { Fixation } from "../gaze.ts";
import { intervalOf, type Track } from "./track.ts";

export const idtSpec = z.strictObject({
  kind: z.literal("idt"),
  dispersion_deg: z.number().positive().max(20).default(1),
  /** In place of degrees, image px. */
  dispersion_px: z.number().positive().optional(),
  minimum_s: z.number().positive().max(10).default(0.1),
  /** A hole longer than this ends a fixation. */
  gap_s: z.number().min(0).max(1).default(0.075),
});

export function idt(
  { t, eyes: [{ x, y }] }: Track,
  spec: z.output<typeof idtSpec>,
  px_per_degree: number,
): Fixation[] {
  const most = spec.dispersion_px ?? spec.dispersion_deg * px_per_degree;
  const step = intervalOf(t);
  const longest = Math.max(spec.gap_s, 2.5 * step);
  const fixations: Fixation[] = [];
  let first = 0;
  while (first < t.length) {
    if (Number.isNaN(x[first])) {
      first++;
      continue;
    }
    let [left, right, top, bottom] = [x[first], x[first], y[first], y[first]];
    let [sumX, sumY, count, last] = [x[first], y[first], 1, first];
    for (let i = first + 1; i < t.length && t[i] - t[last] <= longest; i++) {
      if (Number.isNaN(x[i])) continue;
      const width = Math.max(right, x[i]) - Math.min(left, x[i]);
      const height = Math.max(bottom, y[i]) - Math.min(top, y[i]);
      if (width + height > most) break;
      [left, right] = [Math.min(left, x[i]), Math.max(right, x[i])];
      [top, bottom] = [Math.min(top, y[i]), Math.max(bottom, y[i])];
      sumX += x[i];
      sumY += y[i];
      count++;
      last = i;
    }
    const duration = t[last] - t[first] + step;
    if (duration >= spec.minimum_s - 2e-6) {
      fixations.push({ x: sumX / count, y: sumY / count, start: t[first], duration });
      first = last + 1;
    } else first++;
  }
  return fixations;
}
