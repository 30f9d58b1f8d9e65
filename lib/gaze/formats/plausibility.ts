/** Gaze that no eye makes: a sign that a unit was taken wrongly. */
import { type Gaze, SAMPLE_STRIDE } from "../gaze.ts";

/** Fixations or samples of a file below which nothing is said. */
const ENOUGH = 10;
/** Medians of fixation durations beyond these, s, are no eye's; a unit taken wrongly is off by a thousand. */
const SHORTEST = 0.01;
const LONGEST = 10;

/** What is told of a file's gaze (s, image px), in sentences; none where nothing is amiss. */
export function implausible(gaze: Gaze[]): string[] {
  const found: string[] = [];
  const duration = median(
    gaze.flatMap(({ fixations, samples }) => samples ? [] : fixations.map((f) => f.duration)),
  );
  if (duration !== undefined && (duration < SHORTEST || duration > LONGEST)) {
    const lasts = duration < SHORTEST
      ? `${Number((duration * 1000).toPrecision(2))} ms`
      : `${Number(duration.toPrecision(2))} s`;
    found.push(
      `half of the fixations last ${lasts} or ${
        duration < SHORTEST ? "less" : "more"
      }, as no eye's do: the ` +
        "unit of time was taken wrongly, or these are no fixations; a plain table names its unit, duration_s " +
        "or duration_ms",
    );
  }
  if (inOnePixel(gaze)) {
    found.push(
      "every position lies within the first pixel of its image: these are shares of the width and height, " +
        "not pixels; a plain table names them x_norm and y_norm",
    );
  }
  return found;
}

/** Undefined for too few. */
function median(values: number[]): number | undefined {
  if (values.length < ENOUGH) return undefined;
  return Float64Array.from(values).sort()[values.length >> 1];
}

/** Whether all positions lie between 0 and 1, and are not all the same. */
function inOnePixel(gaze: Gaze[]): boolean {
  let count = 0;
  const places = new Set<string>();
  const within = (x: number, y: number) => {
    if (Number.isNaN(x) || Number.isNaN(y)) return true;
    count++;
    if (places.size < 3) places.add(`${x} ${y}`);
    return x >= 0 && x <= 1 && y >= 0 && y <= 1;
  };
  for (const { fixations, samples } of gaze) {
    if (!fixations.every(({ x, y }) => within(x, y))) return false;
    for (let at = 0; samples && at < samples.length; at += SAMPLE_STRIDE) {
      if (!within(samples[at + 1], samples[at + 2])) return false;
    }
  }
  return count >= ENOUGH && places.size >= 3;
}
