/**
 * The rule of McGIP's authors: a fixation ends when a sample lies `distance` or more away in x or in y from the
 * fixation's first sample, which is also its position.
 */
import { z } from "zod";
import type { Fixation } from "../gaze.ts";
import { intervalOf, type Track } from "./track.ts";

export const fixedDistanceSpec = z.strictObject({
  kind: z.literal("fixed_distance"),
  /** image px of an image 800 px wide; scaled with the image's width */
  distance_px: z.number().positive().default(40),
  /** As published: pixels as they are, durations are counts of samples, and the last fixation is lost. */
  parity: z.boolean().default(false),
});

export function fixedDistance(
  { t, eyes: [{ x, y }] }: Track,
  { distance_px, parity }: z.output<typeof fixedDistanceSpec>,
  width?: number,
): Fixation[] {
  const distance = parity ? distance_px : distance_px * (width ?? 800) / 800;
  const step = intervalOf(t);
  const fixations: Fixation[] = [];
  let first = -1;
  let last = -1;
  let count = 0;
  const end = () => {
    const duration = parity ? count : t[last] - t[first] + step;
    fixations.push({ x: x[first], y: y[first], start: t[first], duration });
  };
  for (let i = 0; i < t.length; i++) {
    if (Number.isNaN(x[i])) continue;
    if (
      first >= 0 && Math.abs(x[i] - x[first]) < distance && Math.abs(y[i] - y[first]) < distance
    ) {
      count++;
    } else {
      if (first >= 0) end();
      first = i;
      count = 1;
    }
    last = i;
  }
  if (first >= 0 && !parity) end();
  return fixations;
}
