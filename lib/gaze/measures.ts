/** Numbers that describe a scanpath, and numbers that compare two heatmaps. */
import { z } from "zod";
import type { Fixation, Size } from "./gaze.ts";

const number = z.number().nullable();

/** null where a scanpath is too short for a number. */
export const scanpathMeasuresSchema = z.object({
  fixation_count: z.number(),
  duration_mean_s: number,
  duration_total_s: z.number(),
  path_length_px: z.number()
    .describe("sum of the distances between one fixation and the next, image px"),
  saccade_amplitude_px: number.describe("mean of these distances, image px"),
  coverage: z.number()
    .describe("share of the image within a twentieth of its longer side of any fixation"),
  stationary_entropy_bits: number.describe("of where fixations are, on a grid of 8 x 8"),
  transition_entropy_bits: number
    .describe("of where the next fixation is, given this one's cell"),
  bcea_px2: number.describe("area of the ellipse that holds 68.2 % of the fixations"),
  data_loss: z.number().describe("share of the recording without gaze"),
}).meta({ id: "ScanpathMeasures" });
export type ScanpathMeasures = z.output<typeof scanpathMeasuresSchema>;

/** Cells of the grid for entropies, per side. */
const GRID = 8;
/** Points per side at which coverage is measured. */
const POINTS = 64;

export function scanpathMeasures(
  fixations: Fixation[],
  size: Size,
  data_loss = 0,
): ScanpathMeasures {
  const count = fixations.length;
  const total = sum(fixations.map(({ duration }) => duration));
  const path = sum(
    fixations.slice(1).map((to, i) => Math.hypot(to.x - fixations[i].x, to.y - fixations[i].y)),
  );
  const cells = fixations.map((fixation) => cellOf(fixation, size));
  return {
    fixation_count: count,
    duration_mean_s: count > 0 ? total / count : null,
    duration_total_s: total,
    path_length_px: path,
    saccade_amplitude_px: count > 1 ? path / (count - 1) : null,
    coverage: coverage(fixations, size),
    stationary_entropy_bits: count > 0 ? entropy(countsOf(cells)) : null,
    transition_entropy_bits: count > 1 ? transitionEntropy(cells) : null,
    bcea_px2: bcea(fixations),
    data_loss,
  };
}

function cellOf({ x, y }: Fixation, { width, height }: Size): number {
  const index = (value: number, length: number) =>
    Math.min(GRID - 1, Math.max(0, Math.floor(value / length * GRID)));
  return index(y, height) * GRID + index(x, width);
}

function coverage(fixations: Fixation[], { width, height }: Size): number {
  const reach = Math.max(width, height) / 20;
  let seen = 0;
  for (let row = 0; row < POINTS; row++) {
    for (let column = 0; column < POINTS; column++) {
      const x = (column + 0.5) / POINTS * width;
      const y = (row + 0.5) / POINTS * height;
      if (fixations.some((f) => (f.x - x) ** 2 + (f.y - y) ** 2 <= reach * reach)) seen++;
    }
  }
  return seen / (POINTS * POINTS);
}

/** Krejtz et al., "Gaze transition entropy", ACM TAP 2015: cells weighted by how often they are left. */
function transitionEntropy(cells: number[]): number {
  const from = new Map<number, number[]>();
  cells.slice(1).forEach((to, i) => {
    const next = from.get(cells[i]);
    if (next) next.push(to);
    else from.set(cells[i], [to]);
  });
  const all = cells.length - 1;
  return sum([...from.values()].map((next) => next.length / all * entropy(countsOf(next))));
}

function countsOf(cells: number[]): number[] {
  const counts = new Map<number, number>();
  for (const cell of cells) counts.set(cell, (counts.get(cell) ?? 0) + 1);
  return [...counts.values()];
}

function entropy(counts: number[]): number {
  const all = sum(counts);
  const bits = -sum(counts.map((count) => count / all * Math.log2(count / all)));
  return bits === 0 ? 0 : bits;
}

/** 2 k pi sx sy sqrt(1 - r²), where 1 - e^-k = 0.682. */
function bcea(fixations: Fixation[]): number | null {
  const n = fixations.length;
  if (n < 3) return null;
  const mx = sum(fixations.map(({ x }) => x)) / n;
  const my = sum(fixations.map(({ y }) => y)) / n;
  const xx = sum(fixations.map(({ x }) => (x - mx) ** 2)) / (n - 1);
  const yy = sum(fixations.map(({ y }) => (y - my) ** 2)) / (n - 1);
  const xy = sum(fixations.map(({ x, y }) => (x - mx) * (y - my))) / (n - 1);
  return -2 * Math.log(1 - 0.682) * Math.PI * Math.sqrt(Math.max(0, xx * yy - xy * xy));
}

/** A heatmap: [height, width], only ratios count. */
export type Heatmap = ArrayLike<number>;

/** Pearson's correlation of two maps, -1 to 1; null where one is flat. */
export function cc(a: Heatmap, b: Heatmap): number | null {
  if (isFlat(a) || isFlat(b)) return null;
  const n = a.length;
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    ab += (a[i] - ma) * (b[i] - mb);
    aa += (a[i] - ma) ** 2;
    bb += (b[i] - mb) ** 2;
  }
  return aa === 0 || bb === 0 ? null : ab / Math.sqrt(aa * bb);
}

/** Kullback-Leibler divergence of `map` from `truth`, nats, 0 for equal maps; null where one is empty. */
export function kl(truth: Heatmap, map: Heatmap): number | null {
  const [st, sm] = [mean(truth) * truth.length, mean(map) * map.length];
  if (st <= 0 || sm <= 0) return null;
  const tiny = 2.2204e-16;
  let divergence = 0;
  for (let i = 0; i < truth.length; i++) {
    const t = truth[i] / st;
    divergence += t * Math.log(tiny + t / (map[i] / sm + tiny));
  }
  return divergence;
}

/** Histogram intersection, 0 to 1; null where one is empty. */
export function sim(a: Heatmap, b: Heatmap): number | null {
  const [sa, sb] = [mean(a) * a.length, mean(b) * b.length];
  if (sa <= 0 || sb <= 0) return null;
  let common = 0;
  for (let i = 0; i < a.length; i++) common += Math.min(a[i] / sa, b[i] / sb);
  return common;
}

/** Normalised scanpath saliency: mean of the standardised `map` where the fixations are; null where it is flat. */
export function nss(
  map: Heatmap,
  mapSize: Size,
  fixations: Fixation[],
  image: Size,
): number | null {
  if (isFlat(map) || fixations.length === 0) return null;
  const m = mean(map);
  let variance = 0;
  for (let i = 0; i < map.length; i++) variance += (map[i] - m) ** 2 / map.length;
  if (variance === 0) return null;
  const index = (value: number, length: number, cells: number) =>
    Math.min(cells - 1, Math.max(0, Math.floor(value / length * cells)));
  const values = fixations.map(({ x, y }) => {
    const row = index(y, image.height, mapSize.height);
    return map[row * mapSize.width + index(x, image.width, mapSize.width)];
  });
  return (sum(values) / values.length - m) / Math.sqrt(variance);
}

/** Equal values have a mean that rounding may leave a little beside them. */
function isFlat(map: Heatmap): boolean {
  for (let i = 1; i < map.length; i++) if (map[i] !== map[0]) return false;
  return true;
}

function sum(values: number[]): number {
  return values.reduce((all, value) => all + value, 0);
}

function mean(values: ArrayLike<number>): number {
  let all = 0;
  for (let i = 0; i < values.length; i++) all += values[i];
  return all / values.length;
}
