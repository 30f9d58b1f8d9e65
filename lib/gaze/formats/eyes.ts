/** Where an eye looked, and where no eye was found. */

export interface Point {
  x: number;
  y: number;
}

export const NOWHERE: Readonly<Point> = { x: NaN, y: NaN };

/** No screen or picture reaches that far; EyeLink's missing value is 1e8, INT_MAX is 2147483647. */
const BEYOND = 1e7;

/**
 * Whether a pair of numbers as a file holds it is a place: trackers write (0, 0), (-1, -1), -32768, INT_MAX, 1e8
 * or NaN where they found no eye.
 */
export function isPlace(x: number, y: number): boolean {
  if (!(Math.abs(x) < BEYOND && Math.abs(y) < BEYOND)) return false;
  return !(x === y && (x === 0 || x === -1)) && x !== -32768 && y !== -32768;
}

/** Whether the eye was found. */
export function isFound({ x, y }: Point): boolean {
  return isPlace(x, y);
}
