/** One screen for gaze on images of different sizes. */
import type { Fixation } from "../gaze.ts";

interface Framed {
  width: number;
  height: number;
  fixations: Fixation[];
}

export interface Frame {
  /** px */
  width: number;
  height: number;
  /** A comparand's fixations in px of the frame. */
  place(comparand: Framed): Fixation[];
}

/**
 * The screen that scanpaths are compared on: the given one, on which gaze lies as it is, or one of the
 * images' median width and height, which every image fills.
 */
export function commonFrame(
  comparands: Framed[],
  screen?: { width: number; height: number },
): Frame {
  if (screen) return { ...screen, place: ({ fixations }) => fixations };
  const width = median(comparands.map((comparand) => comparand.width));
  const height = median(comparands.map((comparand) => comparand.height));
  return {
    width,
    height,
    place(comparand) {
      if (comparand.width === width && comparand.height === height) return comparand.fixations;
      const across = width / comparand.width, down = height / comparand.height;
      return comparand.fixations.map((fixation) => ({
        ...fixation,
        x: fixation.x * across,
        y: fixation.y * down,
      }));
    },
  };
}

/** The lower median, so that it is one of the values; 1 of none. */
function median(values: number[]): number {
  const sorted = Float64Array.from(values).sort();
  return sorted.length ? sorted[(sorted.length - 1) >> 1] : 1;
}
