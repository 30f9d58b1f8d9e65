/** Slow, plain forms of the similarity measures in f64, and random gaze to compare on. */
import type { Fixation } from "@/lib/gaze/gaze.ts";
import type { Item } from "@/lib/gaze/similarity/measure.ts";
import { saccadePaths } from "@/lib/gaze/similarity/multimatch.ts";
import { comparandsOf } from "@/lib/gaze/similarity/comparands.ts";
import { nth } from "@/lib/random.ts";

/** Numbers in [0, 1), the same for a seed. */
export function randomNumbers(seed: number): () => number {
  let draws = 0;
  return () => nth(seed, draws++);
}

/** Images of 800x800, one reader, fixations around an own centre. */
export function randomItems(count: number, length: (i: number) => number, seed: number): Item[] {
  const random = randomNumbers(seed);
  return Array.from({ length: count }, (_, i) => {
    const [x, y, spread] = [200 + 400 * random(), 200 + 400 * random(), 40 + 360 * random()];
    const fixations: Fixation[] = Array.from({ length: length(i) }, (_, start) => ({
      x: Math.min(799, Math.max(0, x + spread * (random() - 0.5) * 2)),
      y: Math.min(799, Math.max(0, y + spread * (random() - 0.5) * 2)),
      start,
      duration: 0.05 + 0.6 * random(),
    }));
    return { id: `image ${i}`, width: 800, height: 800, scanpaths: [{ reader: "r", fixations }] };
  });
}

/** [components, n, n] from a function of two items; the diagonal 1, NaN where either is invalid. */
export function matrixOf(
  n: number,
  components: number,
  valid: (i: number) => boolean,
  pair: (i: number, j: number) => number[],
): Float64Array {
  const values = new Float64Array(components * n * n).fill(NaN);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      if (!valid(i) || !valid(j)) continue;
      const found = i === j ? Array(components).fill(1) : pair(i, j);
      for (let c = 0; c < components; c++) values[(c * n + i) * n + j] = found[c];
    }
  }
  return values;
}

/** The cheapest way through a grid, from its start to its end; the first of diagonal, above, left wins. */
export function cheapestPath(
  rows: number,
  columns: number,
  cost: (i: number, j: number) => number,
): { path: [number, number][]; total: number } {
  const totals: number[][] = [];
  for (let i = 0; i < rows; i++) {
    totals.push([]);
    for (let j = 0; j < columns; j++) {
      const before = Math.min(...comingFrom(i, j).map(([a, b]) => totals[a][b]));
      totals[i].push(cost(i, j) + (i + j === 0 ? 0 : before));
    }
  }
  const path: [number, number][] = [[rows - 1, columns - 1]];
  for (;;) {
    const [i, j] = path[path.length - 1];
    if (i + j === 0) return { path, total: totals[rows - 1][columns - 1] };
    path.push(comingFrom(i, j).reduce((a, b) => totals[b[0]][b[1]] < totals[a[0]][a[1]] ? b : a));
  }
}

function comingFrom(i: number, j: number): [number, number][] {
  const all: [number, number][] = [[i - 1, j - 1], [i - 1, j], [i, j - 1]];
  return all.filter(([a, b]) => a >= 0 && b >= 0);
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  return (sorted[Math.ceil(half) - 1] + sorted[Math.floor(half)]) / 2;
}

interface MultimatchSetting {
  grouping?: boolean;
  direction_deg?: number;
  duration_s?: number;
  amplitude_px?: number;
  screen?: { width: number; height: number };
  /** Sum 1; equal where not given. */
  weights?: number[];
}

/** One scanpath per item: score and five parts. */
export function multimatchReference(items: Item[], setting: MultimatchSetting) {
  const { weights = [0.2, 0.2, 0.2, 0.2, 0.2], ...given } = setting;
  const { paths, diagonal } = saccadePaths(comparandsOf(items, "scanpath").comparands, {
    direction_deg: 45,
    duration_s: 0.3,
    grouping: true,
    parity: false,
    ...given,
  });
  return matrixOf(items.length, 6, (i) => paths[i].dx.length > 0, (a, b) => {
    // The matrix is symmetric: its upper triangle is what is computed.
    const [u, v] = a < b ? [paths[a], paths[b]] : [paths[b], paths[a]];
    const shape = (i: number, j: number) => Math.hypot(u.dx[i] - v.dx[j], u.dy[i] - v.dy[j]);
    const { path } = cheapestPath(u.dx.length, v.dx.length, shape);
    const along = (difference: (i: number, j: number) => number) =>
      median(path.map(([i, j]) => difference(i, j)));
    const parts = [
      1 - along(shape) / (2 * diagonal),
      1 - along((i, j) => {
          const turn = Math.abs(Math.atan2(u.dy[i], u.dx[i]) - Math.atan2(v.dy[j], v.dx[j]));
          return Math.min(turn, 2 * Math.PI - turn);
        }) / Math.PI,
      1 - along((i, j) => Math.abs(Math.hypot(u.dx[i], u.dy[i]) - Math.hypot(v.dx[j], v.dy[j]))) /
        diagonal,
      1 - along((i, j) => Math.hypot(u.x[i] - v.x[j], u.y[i] - v.y[j])) / diagonal,
      1 - along((i, j) => {
        const [d, e] = [u.duration[i], v.duration[j]];
        return Math.abs(d - e) / Math.max(d, e);
      }),
    ];
    return [parts.reduce((sum, part, i) => sum + weights[i] * part, 0), ...parts];
  });
}

/** Relative difference: 0 of equals, 1 where the greater is 0. */
export function relative(a: number, b: number): number {
  return a === b ? 0 : Math.max(a, b) === 0 ? 1 : Math.abs(a - b) / Math.max(a, b);
}

/** Sum and first Hu moment of a map [rows, columns]. */
export function momentsReference(map: ArrayLike<number>, columns: number): [number, number] {
  const cells = Array.from(map, (value, i) => ({
    value,
    x: i % columns,
    y: Math.floor(i / columns),
  }));
  const total = (weight: (cell: { x: number; y: number }) => number) =>
    cells.reduce((sum, cell) => sum + cell.value * weight(cell), 0);
  const mass = total(() => 1);
  const [x, y] = [total((cell) => cell.x) / mass, total((cell) => cell.y) / mass];
  return [mass, total((cell) => (cell.x - x) ** 2 + (cell.y - y) ** 2) / mass ** 2];
}

/** Bits of 8 rows of 9 cells. */
export function dhashReference(map: ArrayLike<number>): boolean[] {
  return Array.from({ length: 64 }, (_, bit) => {
    const at = Math.floor(bit / 8) * 9 + bit % 8;
    return map[at] > map[at + 1];
  });
}

export function cosine(a: boolean[], b: boolean[]): number {
  const count = (bits: boolean[]) => bits.filter(Boolean).length;
  const both = count(a.map((bit, i) => bit && b[i]));
  return both === 0 ? 0 : both / Math.sqrt(count(a) * count(b));
}

export function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const mean = (map: ArrayLike<number>) => Array.from(map).reduce((s, v) => s + v, 0) / map.length;
  const [p, q] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += (a[i] - p) * (b[i] - q);
    aa += (a[i] - p) ** 2;
    bb += (b[i] - q) ** 2;
  }
  return ab / Math.sqrt(aa * bb);
}

/** Of sum 1, `epsilon` of it spread evenly. */
export function distribution(map: ArrayLike<number>, epsilon = 0): number[] {
  const sum = Array.from(map).reduce((s, v) => s + v, 0);
  return Array.from(map, (value) => (1 - epsilon) * value / sum + epsilon / map.length);
}

export function divergence(p: number[], q: number[]): number {
  return p.reduce((sum, value, i) => sum + value * Math.log(value / q[i]), 0);
}
