/**
 * Gaussian gaze heatmaps: what is drawn (points and widths, in cells of a grid), and a renderer for one
 * map that needs no GPU. Many maps are rendered by gpu/similarity/heatmaps.ts.
 */
import { z } from "zod";
import type { GridSize, MapPoints } from "@/gpu/similarity/heatmaps.ts";
import type { Fixation } from "./gaze.ts";

/** Size and sigma of the published maps: OpenCV's rule for a kernel of 199 px. */
export const PUBLISHED = { size: 800, radius: 99, sigma: 0.3 * ((199 - 1) / 2 - 1) + 0.8 };

/** Parameters that every measure of heatmaps has. */
export const heatmapParams = {
  /** Standard deviation in image px; without it and `sigma_deg`: 3.775 % of the image's longer side. */
  sigma_px: z.number().positive().max(10_000).optional(),
  /** Standard deviation in degrees of visual angle; needs the screen's geometry. */
  sigma_deg: z.number().positive().max(90).optional(),
  weight: z.enum(["duration", "binary"]).optional()
    .describe("What a fixation counts: its duration, or 1; duration where not given"),
  /**
   * The published maps: 800x800, one point per pixel, 199 px Gaussian mirrored at the border, divided by
   * the maximum, cut to 8 bits. Another width or weight cannot be asked for beside it.
   */
  parity: z.boolean().default(false),
};

export interface HeatmapOptions {
  sigma_px?: number;
  sigma_deg?: number;
  weight?: "duration" | "binary";
  parity: boolean;
}

/** Refuses what the published maps, which are one setting, would leave without effect. */
export function refuseBesideParity(
  { parity, ...given }: HeatmapOptions,
  context: z.core.$RefinementCtx,
): void {
  if (!parity) return;
  const refuse = (field: string, found: string) =>
    context.addIssue({
      code: "custom",
      path: [field],
      message: `Cannot use ${field} ${found} beside parity: the published maps have binary ` +
        "points and a Gaussian of 199 px on 800 x 800",
    });
  if (given.sigma_px !== undefined) refuse("sigma_px", `${given.sigma_px}`);
  if (given.sigma_deg !== undefined) refuse("sigma_deg", `${given.sigma_deg}`);
  if (given.weight === "duration") refuse("weight", given.weight);
}

/** What a fixation counts. */
export function weightOf({ weight, parity }: HeatmapOptions): "duration" | "binary" {
  return weight ?? (parity ? "binary" : "duration");
}

/** What a map is made from. */
export interface HeatmapSource {
  width: number;
  height: number;
  pixelsPerDegree?: number;
  fixations: Fixation[];
}

/**
 * Where the fixations lie on a grid over the image, [rows, columns].
 * @throws {Error} when sigma is in degrees and the geometry is unknown
 */
export function heatmapPoints(
  source: HeatmapSource,
  grid: GridSize,
  options: HeatmapOptions,
): MapPoints {
  const { width, height, fixations } = source;
  const across = grid.columns / width, down = grid.rows / height;
  if (options.parity) {
    const { sigma, radius } = PUBLISHED;
    const points = publishedPoints(source);
    return { points, sigma: [sigma, sigma], reach: [radius, radius], mirror: true };
  }
  let sigma = options.sigma_px ?? Math.max(width, height) * PUBLISHED.sigma / PUBLISHED.size;
  if (options.sigma_deg !== undefined) {
    if (!source.pixelsPerDegree) {
      throw new Error("Cannot use sigma_deg: screen size and viewing distance are not known");
    }
    sigma = options.sigma_deg * source.pixelsPerDegree;
  }
  const points = new Float32Array(fixations.length * 3);
  fixations.forEach(({ x, y, duration }, at) => {
    const weight = weightOf(options) === "binary" ? 1 : duration;
    points.set([x * across - 0.5, y * down - 0.5, weight], at * 3);
  });
  const spread: [number, number] = [sigma * across, sigma * down];
  return { points, sigma: spread, reach: [4 * spread[0], 4 * spread[1]], mirror: false };
}

/** Whole pixels of the published 800x800 map, each once; gaze off the image is left out. */
function publishedPoints({ width, height, fixations }: HeatmapSource): Float32Array<ArrayBuffer> {
  const { size } = PUBLISHED;
  const cells = new Set<number>();
  for (const { x, y } of fixations) {
    const column = Math.floor(x * (size / width)), row = Math.floor(y * (size / height));
    if (column >= 0 && row >= 0 && column < size && row < size) cells.add(row * size + column);
  }
  return Float32Array.from([...cells].flatMap((cell) => [cell % size, Math.floor(cell / size), 1]));
}

/**
 * One map, [rows, columns], divided by its maximum (all zero without points on it). In parity mode the
 * grid is the published one and values are whole 255ths, cut down.
 */
export function heatmap(
  source: HeatmapSource,
  grid: GridSize,
  options: HeatmapOptions,
): Float32Array<ArrayBuffer> {
  if (options.parity) grid = { columns: PUBLISHED.size, rows: PUBLISHED.size };
  const { columns, rows } = grid;
  const { points, sigma, reach, mirror } = heatmapPoints(source, grid, options);
  const sums = new Float64Array(rows * columns);
  for (let at = 0; at < points.length; at += 3) {
    const across = profile(points[at], columns, { sigma: sigma[0], reach: reach[0], mirror });
    const down = profile(points[at + 1], rows, { sigma: sigma[1], reach: reach[1], mirror });
    for (let row = down.from; row < down.to; row++) {
      const factor = down.values[row] * points[at + 2];
      for (let column = across.from; column < across.to; column++) {
        sums[row * columns + column] += factor * across.values[column];
      }
    }
  }
  const most = sums.reduce((a, b) => Math.max(a, b), 0);
  const map = new Float32Array(rows * columns);
  if (!(most > 0)) return map;
  for (let cell = 0; cell < map.length; cell++) {
    const value = sums[cell] / most;
    map[cell] = options.parity ? Math.floor(value * 255) / 255 : value;
  }
  return map;
}

/** A Gaussian around `centre` at the cells 0 to n - 1, with its images beyond the border if asked. */
function profile(
  centre: number,
  n: number,
  { sigma, reach, mirror }: { sigma: number; reach: number; mirror: boolean },
): { from: number; to: number; values: Float64Array } {
  const values = new Float64Array(n);
  const from = Math.min(n, Math.max(0, Math.ceil(centre - reach)));
  const to = Math.max(from, Math.min(n, Math.floor(centre + reach) + 1));
  const gauss = (distance: number) =>
    Math.abs(distance) <= reach ? Math.exp(-(distance ** 2) / (2 * sigma ** 2)) : 0;
  for (let cell = from; cell < to; cell++) {
    values[cell] = gauss(cell - centre);
    if (mirror && centre > 0) values[cell] += gauss(cell + centre);
    if (mirror && centre < n - 1) values[cell] += gauss(cell - (2 * (n - 1) - centre));
  }
  return { from, to, values };
}
