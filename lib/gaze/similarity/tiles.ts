/** All pairs of a set of images, tile by tile: memory stays bounded whatever their number. */
import type { Gpu } from "@/gpu/device.ts";
import type { Span } from "@/gpu/similarity/pairs.ts";
import { InvalidInput } from "@/lib/errors.ts";
import type { Item, Measure } from "./measure.ts";
import {
  assertComparable,
  blocksOf,
  type Combine,
  combineComparands,
  comparandsOf,
  comparandSpan,
} from "./comparands.ts";

/** Values of the pairs of two runs of images, [components, rows, columns], NaN where invalid. */
export interface Tile {
  rows: Span;
  /** Equal to `rows` (then the tile is symmetric), or wholly beyond them. */
  columns: Span;
  values: Float32Array;
}

/** Takes tiles: a matrix, neighbours, a histogram. */
export interface Sink {
  add(tile: Tile): void;
}

export interface TileOptions {
  combine?: Combine;
  /** Called after each tile and in long ones with the pairs of images done, and with 0 while comparands are prepared. */
  onProgress?(done: number, total: number): Promise<void> | void;
}

/**
 * Computes every tile of the upper triangle and hands it to the sinks.
 * @throws {InvalidInput} naming a pair of images with valid gaze whose similarity is no finite number
 * @returns names of the images that have no valid gaze, the parameters that followed from the data, and warnings
 */
export async function forEachTile(
  gpu: Gpu,
  measure: Measure,
  items: Item[],
  options: TileOptions & { params: unknown; sinks: Sink[] },
): Promise<{ invalid: string[]; used: Record<string, unknown>; warnings: string[] }> {
  const { combine = "mean", onProgress, sinks } = options;
  if (measure.input === "scanpath") assertComparable(items);
  const { comparands, first } = comparandsOf(items, measure.input);
  const total = items.length * (items.length + 1) / 2;
  const pause = async () => await onProgress?.(0, total);
  const prepared = await measure.prepare(gpu, comparands, options.params, pause);
  const { pairs, valid, used = {}, warnings = [] } = prepared;
  try {
    const validItem = items.map((_, item) => {
      for (let comparand = first[item]; comparand < first[item + 1]; comparand++) {
        if (valid[comparand]) return true;
      }
      return false;
    });
    const blocks = blocksOf(first, pairs.side);
    let done = 0;
    await pause();
    for (const [at, rows] of blocks.entries()) {
      for (const columns of blocks.slice(at)) {
        const spans = [comparandSpan(first, rows), comparandSpan(first, columns)] as const;
        const values = await pairs.tile(...spans, async () => await onProgress?.(done, total));
        const { components } = pairs;
        const combined = combineComparands(values, {
          first,
          rows,
          columns,
          components,
          combine,
          validItem,
        });
        assertKnown({ rows, columns, values: combined }, items, validItem);
        for (const sink of sinks) sink.add({ rows, columns, values: combined });
        const { count } = rows;
        done += rows === columns ? count * (count + 1) / 2 : count * columns.count;
        await onProgress?.(done, total);
      }
    }
    const invalid = items.filter((_, item) => !validItem[item]).map(({ id }) => id);
    return { invalid, used, warnings };
  } finally {
    pairs.destroy();
  }
}

/** Of images with valid gaze every similarity is a number; components may be undefined, not infinite. */
function assertKnown({ rows, columns, values }: Tile, items: Item[], valid: boolean[]): void {
  const size = rows.count * columns.count;
  for (let at = 0; at < values.length; at++) {
    const value = values[at];
    if (Number.isFinite(value)) continue;
    const [row, column] = [Math.floor(at % size / columns.count), at % columns.count];
    const [i, j] = [rows.from + row, columns.from + column];
    if (Number.isNaN(value) && (at >= size || !valid[i] || !valid[j])) continue;
    throw new InvalidInput(
      `Cannot keep the similarity of "${items[i].id}" and "${
        items[j].id
      }": it is ${value}; their gaze or the ` +
        "parameters of the measure are out of any range",
    );
  }
}
