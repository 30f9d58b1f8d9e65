/** Where readers looked, on the grid of a network's last map, in a view of the image. */
import type { View } from "@/gpu/augment.ts";
import { InvalidInput } from "@/lib/errors.ts";
import { permutation, stream } from "@/lib/random.ts";
import { shareSeen } from "./crop.ts";
import type { GazeMass } from "./gaze_mass.ts";

export interface GazeGrid {
  rows: number;
  columns: number;
  /** Standard deviation of the Gaussian that each point is spread by, cells. */
  sigma: number;
}

/** Of the gaze, what a view must show at least: with less of it, it would be told to look anywhere. */
const LEAST_SEEN = 0.1;

/**
 * The gaze in a view as a distribution over cells, `[rows * columns]`, which adds up to 1; all zeros where
 * there is none, or the view shows less than a tenth of it.
 */
export function gazeTarget(
  gaze: GazeMass | undefined,
  view: Pick<View, "matrix" | "centre">,
  { rows, columns, sigma }: GazeGrid,
): Float32Array<ArrayBuffer> {
  const target = new Float32Array(rows * columns);
  if (!gaze || shareSeen(gaze, view) < LEAST_SEEN) return target;
  const { matrix: [xx, xy, yx, yy], centre } = view;
  const determinant = xx * yy - xy * yx;
  const sums = new Float64Array(rows * columns);
  const spread = (at: number, cells: number) =>
    Float64Array.from(
      { length: cells },
      (_, cell) => Math.exp(-(((cell + 0.5 - at) / sigma) ** 2) / 2),
    );
  for (let i = 0; i < gaze.length; i += 3) {
    const [x, y, share] = [gaze[i] - centre[0], gaze[i + 1] - centre[1], gaze[i + 2]];
    // The view's own coordinates, its sides 1 and its centre 0.
    const u = (yy * x - xy * y) / determinant;
    const v = (xx * y - yx * x) / determinant;
    if (Math.abs(u) > 0.5 || Math.abs(v) > 0.5) continue;
    const across = spread((u + 0.5) * columns, columns);
    const down = spread((v + 0.5) * rows, rows);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        sums[row * columns + column] += share * down[row] * across[column];
      }
    }
  }
  const total = sums.reduce((sum, value) => sum + value, 0);
  return total > 0 ? target.map((_, cell) => sums[cell] / total) : target;
}

/**
 * The gaze that each image's attention is held against: its own, or with `shuffled` that of another image, so
 * that as many images have as much of it and it tells nothing. Images without gaze stay so.
 * @throws {InvalidInput} when none has gaze, or there is but one to shuffle
 */
export function attentionGaze(
  gaze: (GazeMass | undefined)[],
  kind: "own" | "shuffled",
  seed: number,
): (GazeMass | undefined)[] {
  const seen = [...gaze.keys()].filter((i) => gaze[i]);
  const least = kind === "own" ? 1 : 2;
  if (seen.length < least) {
    throw new InvalidInput(
      `Cannot supervise attention: ${seen.length} of ${gaze.length} training images have gaze`,
    );
  }
  if (kind === "own") return gaze;
  const drawn = permutation(seen.length, seed, stream("attention"));
  const given = gaze.map((): GazeMass | undefined => undefined);
  drawn.forEach((place, k) => given[seen[place]] = gaze[seen[drawn[(k + 1) % drawn.length]]]);
  return given;
}

/** - sum_l p_l log p_l of the distributions `[N, L]` that are not all zeros, on average; 0 without any. */
export function meanEntropy(targets: Float32Array, L: number): number {
  let [sum, count] = [0, 0];
  for (let first = 0; first < targets.length; first += L) {
    const target = targets.subarray(first, first + L);
    if (!target.some((value) => value > 0)) continue;
    for (const value of target) if (value > 0) sum -= value * Math.log(value);
    count++;
  }
  return count > 0 ? sum / count : 0;
}
