/** What no reader's eyes do: a wrong unit, shares taken for px or two eyes in one table look like that, and are told. */
import type { Scanpath } from "./scanpath.ts";
import { intervalOf } from "../filters/track.ts";
import { type Fixation, type Gaze, SAMPLE_STRIDE, type Samples } from "../gaze.ts";

/** Steps between samples beyond which no eye tracker works, s. */
const SLOWEST = 0.25;
const FASTEST = 1e-4;
/** Samples whose steps tell the rate. */
const ENOUGH = 1000;
/** Usual fixations last some tenths of a second: half of them beyond these, s, are in another unit. */
const LONGEST = 10;
const SHORTEST = 0.01;
/** Px from the corner within which shares lie, and how many positions must. */
const CORNER = 1.5;
const FEW = 2;

/**
 * @param scanpath as it was read, its samples taken
 * @returns what is to be looked at, each a sentence that fits any image
 */
export function unlikely(
  { fixations, samples, facts }: Pick<Gaze, "fixations" | "samples" | "facts">,
  { positions, size }: Pick<Scanpath, "positions" | "size">,
): string[] {
  const doubts: string[] = [];
  const step = samples ? intervalOf(samples.subarray(0, ENOUGH * SAMPLE_STRIDE), SAMPLE_STRIDE) : 0;
  if (step > SLOWEST || (step > 0 && step < FASTEST)) {
    doubts.push(
      `samples come every ${
        step.toPrecision(2)
      } s, which no eye tracker does: look at the unit of time`,
    );
  }
  if (facts.filter === null && fixations.length > 0) {
    const typical = median(fixations.map(({ duration }) => duration));
    if (typical > LONGEST || typical < SHORTEST) {
      doubts.push(
        `half of the fixations last ${typical > LONGEST ? "more" : "less"} than ` +
          `${typical > LONGEST ? LONGEST : SHORTEST} s: look at the unit of the durations`,
      );
    }
    const twice = overlapping(fixations);
    if (twice > 0) {
      doubts.push(
        "fixations begin before the one before has ended, and count in full: rows that stand twice, both eyes, or " +
          "several trials without a column that tells them apart",
      );
    }
  }
  const wide = size && Math.min(size.width, size.height) > 10 * CORNER;
  if (wide && positions.startsWith("px") && inCorner(fixations, samples)) {
    doubts.push(
      "all gaze lies at the first px of the image, as shares (0 to 1) taken for px do; a plain table names shares " +
        "x_norm and y_norm",
    );
  }
  return doubts;
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1];
}

/** Fixations, in order, that share more than half of their time with an earlier one. */
function overlapping(fixations: Fixation[]): number {
  let [count, end, length] = [0, -Infinity, 0];
  for (const { start, duration } of fixations) {
    const common = Math.min(end, start + duration) - start;
    if (common > Math.min(duration, length) / 2 && common > 0) count++;
    if (start + duration > end) [end, length] = [start + duration, duration];
  }
  return count;
}

function inCorner(fixations: Fixation[], samples?: Samples): boolean {
  const near = (x: number, y: number) => x >= -CORNER && y >= -CORNER && x <= CORNER && y <= CORNER;
  if (!samples) return fixations.length >= FEW && fixations.every(({ x, y }) => near(x, y));
  let found = 0;
  for (let at = 0; at < samples.length; at += SAMPLE_STRIDE) {
    if (samples[at + 3] !== 1) continue;
    if (!near(samples[at + 1], samples[at + 2])) return false;
    found++;
  }
  return found >= FEW;
}
