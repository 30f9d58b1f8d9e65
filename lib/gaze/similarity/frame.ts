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
  /** A unit's fixations in px of the frame. */
  place(unit: Framed): Fixation[];
}

/**
 * The screen that scanpaths are compared on: the given one, on which gaze lies as it is, or one of the
 * images' median width and height, which every image fills.
 */
export function commonFrame(units: Framed[], screen?: { width: number; height: number }): Frame {
  if (screen) return { ...screen, place: ({ fixations }) => fixations };
  const width = median(units.map((unit) => unit.width));
  const height = median(units.map((unit) => unit.height));
  return {
    width,
    height,
    place(unit) {
      if (unit.width === width && unit.height === height) return unit.fixations;
      const across = width / unit.width, down = height / unit.height;
      return unit.fixations.map((fixation) => ({
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
