/** What no recording shows by itself, and many of them together do: gaze in another unit or on another size. */
import type { Size } from "@/lib/images/image_size.ts";
import { fixationCount } from "./packed_fixations.ts";
import type { Fixation } from "./gaze.ts";

export interface PlacedGaze {
  image: string;
  size: Size;
  fixations: Fixation[];
  /** What made the fixations; null where the file held them. */
  filter: string | null;
}

/** Images, and fixations, from which on a set tells something. */
const IMAGES = 5;
const FIXATIONS = 30;
/** Fixations usually last 0.1 to 0.6 s; s. Beyond the outer bounds each recording is told of by itself (`unlikely`). */
const LONG = [1.5, 10];
const SHORT = [0.01, 0.03];

/** Sentences on all recordings of an import together; none where there are few. */
export function doubtsOf(gaze: PlacedGaze[]): string[] {
  const reach = reachOf(gaze);
  const durations = durationsOf(gaze);
  return [...(reach ? [reach] : []), ...(durations ? [durations] : [])];
}

function reachOf(gaze: PlacedGaze[]): string | undefined {
  const images = new Set<string>();
  let count = 0;
  const sides = { upper: true, lower: true, left: true, right: true };
  for (const { image, fixations, size: { width, height } } of gaze) {
    if (fixations.length > 0) images.add(image);
    count += fixations.length;
    for (const { x, y } of fixations) {
      sides.left &&= x / width < 0.5;
      sides.right &&= x / width > 0.5;
      sides.upper &&= y / height < 0.5;
      sides.lower &&= y / height > 0.5;
    }
  }
  if (images.size < IMAGES || count < FIXATIONS) return undefined;
  const vertical = sides.upper ? "upper" : sides.lower ? "lower" : undefined;
  const horizontal = sides.left ? "left" : sides.right ? "right" : undefined;
  if (!vertical || !horizontal) return undefined;
  return `Gaze reaches only the ${vertical} ${horizontal} quarter of all ${images.size} images: is it in another ` +
    "unit, or on a screen or an image of another size?";
}

function durationsOf(gaze: PlacedGaze[]): string | undefined {
  const asRead = gaze.filter(({ filter }) => filter === null);
  // Numbers alone: of millions of fixations a list is as large as the file.
  const durations = new Float64Array(asRead.reduce((sum, one) => sum + fixationCount(one), 0));
  let at = 0;
  for (const { fixations } of asRead) {
    for (const { duration } of fixations) durations[at++] = duration;
  }
  durations.sort();
  if (durations.length < FIXATIONS) return undefined;
  const typical = durations[durations.length >> 1];
  const within = ([low, high]: number[]) => typical >= low && typical <= high;
  if (!within(LONG) && !within(SHORT)) return undefined;
  return `Half of all fixations last ${typical >= LONG[0] ? "more" : "less"} than ${
    typical.toPrecision(2)
  } s, where 0.1 to 0.6 s is usual: look at the unit of the durations`;
}
