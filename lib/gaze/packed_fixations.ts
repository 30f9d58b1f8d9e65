/** Fixations in little room: 32 bytes each, where objects take a hundred; millions of them are read from one file. */
import type { Fixation } from "./gaze.ts";

const STRIDE = 4;
/** Under which an object holds its numbers. */
const NUMBERS = Symbol("packed fixations");

interface Holder {
  fixations: Fixation[];
  [NUMBERS]?: Float64Array;
}

/** The same, whose fixations are made anew whenever they are asked for: to be looked at, not to be changed. */
export function packed<T extends { fixations: Fixation[] }>(holder: T): T {
  const { fixations: _, ...others } = holder;
  return withNumbers(others, numbersOf(holder)) as T;
}

/** `holder` with the fixations of another, without a copy where those are packed. */
export function packedLike<T>(
  holder: T,
  other: { fixations: Fixation[] },
): T & { fixations: Fixation[] } {
  return withNumbers(holder, numbersOf(other));
}

function numbersOf(holder: Holder): Float64Array {
  const known = holder[NUMBERS];
  if (known) return known;
  const { fixations } = holder;
  const numbers = new Float64Array(fixations.length * STRIDE);
  for (let i = 0; i < fixations.length; i++) {
    const { x, y, start, duration } = fixations[i];
    const at = i * STRIDE;
    numbers[at] = x;
    numbers[at + 1] = y;
    numbers[at + 2] = start;
    numbers[at + 3] = duration;
  }
  return numbers;
}

/** How many there are; of packed ones without making them. */
export function fixationCount(holder: { fixations: Fixation[] }): number {
  const numbers = (holder as Holder)[NUMBERS];
  return numbers ? numbers.length / STRIDE : holder.fixations.length;
}

/** One getter for all: with one of its own each object would have a shape of its own, of half a kilobyte. */
const FIXATIONS: PropertyDescriptor & ThisType<Holder> = {
  enumerable: true,
  get() {
    return fixationsIn(this[NUMBERS]!);
  },
};

function withNumbers<T>(holder: T, numbers: Float64Array): T & { fixations: Fixation[] } {
  Object.defineProperty(holder, NUMBERS, { value: numbers });
  return Object.defineProperty(holder as T & { fixations: Fixation[] }, "fixations", FIXATIONS);
}

/** @param numbers [n, 4]: x, y (image px), start, duration (s) */
export function fixationsIn(numbers: Float64Array): Fixation[] {
  const fixations: Fixation[] = [];
  for (let at = 0; at < numbers.length; at += STRIDE) {
    fixations.push({
      x: numbers[at],
      y: numbers[at + 1],
      start: numbers[at + 2],
      duration: numbers[at + 3],
    });
  }
  return fixations;
}
