/** Fixations in little room: 32 bytes each, where objects take a hundred; millions of them are read from one file. */
import type { Fixation } from "./gaze.ts";

const STRIDE = 4;
/** Under which an object holds its numbers. */
const NUMBERS = Symbol("packed fixations");

interface Holder {
  fixations: Fixation[];
  [NUMBERS]?: Float64Array;
}

/** The same object, whose fixations are made anew whenever they are asked for: to be looked at, not to be changed. */
export function packed<T extends { fixations: Fixation[] }>(holder: T): T {
  return withNumbers(holder, numbersOf(holder));
}

/** `holder` with the fixations of another, without a copy where those are packed. */
export function packedLike<T>(
  holder: T,
  other: { fixations: Fixation[] },
): T & { fixations: Fixation[] } {
  return withNumbers(holder as T & { fixations: Fixation[] }, numbersOf(other));
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

function withNumbers<T extends { fixations: Fixation[] }>(holder: T, numbers: Float64Array): T {
  Object.defineProperty(holder, NUMBERS, { value: numbers });
  return Object.defineProperty(holder, "fixations", {
    enumerable: true,
    get: () => fixationsIn(numbers),
  });
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
