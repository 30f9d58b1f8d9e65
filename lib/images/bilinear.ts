/** Bilinear interpolation between the centres of cells, edges repeated. */

/** Values on a grid, [rows, columns]. */
export interface ValueGrid {
  columns: number;
  rows: number;
  values: ArrayLike<number>;
}

/** For every target along one axis the two cells around it, and the second one's share. */
export function bilinearAxis(cells: number, targets: number) {
  const low = new Int32Array(targets), high = new Int32Array(targets);
  const part = new Float64Array(targets);
  const scale = cells / targets;
  for (let i = 0; i < targets; i++) {
    const place = Math.min(cells - 1, Math.max(0, (i + 0.5) * scale - 0.5));
    low[i] = Math.floor(place);
    high[i] = Math.min(cells - 1, low[i] + 1);
    part[i] = place - low[i];
  }
  return { low, high, part };
}

/** Calls `take` with the grid's value at every pixel of a picture, row by row. */
export function bilinear(
  { columns, rows, values }: ValueGrid,
  { width, height }: { width: number; height: number },
  take: (pixel: number, value: number) => void,
): void {
  const across = bilinearAxis(columns, width), down = bilinearAxis(rows, height);
  for (let y = 0; y < height; y++) {
    const upper = down.low[y] * columns, lower = down.high[y] * columns, v = down.part[y];
    for (let x = 0; x < width; x++) {
      const left = across.low[x], right = across.high[x], u = across.part[x];
      const top = values[upper + left] * (1 - u) + values[upper + right] * u;
      const bottom = values[lower + left] * (1 - u) + values[lower + right] * u;
      take(y * width + x, top * (1 - v) + bottom * v);
    }
  }
}
