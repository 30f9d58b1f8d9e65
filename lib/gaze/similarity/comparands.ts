/** Images into what is compared, and pairs of those back into pairs of images. */
import type { Span } from "@/gpu/similarity/pairs.ts";
import { InvalidInput } from "@/lib/errors.ts";
import type { Comparand, Item, Measure } from "./measure.ts";

/** How several readers of an image count: the mean over reader pairs, or the best. */
export type Combine = "mean" | "max";

export interface ComparandList {
  comparands: Comparand[];
  /** First comparand of every item, [items + 1]. */
  first: Uint32Array;
}

/**
 * Fixations of a scanpath at most: half an hour on one image at three a second. What two scanpaths cost grows with
 * the product of their lengths, and nothing can stop a pair once it is on the GPU.
 */
const MOST_FIXATIONS = 5000;

/** @throws {InvalidInput} naming the image and the reader of a scanpath that is too long to be compared */
export function assertComparable(items: Item[]): void {
  for (const { id, scanpaths } of items) {
    for (const { reader, fixations: { length } } of scanpaths) {
      if (length <= MOST_FIXATIONS) continue;
      throw new InvalidInput(
        `Cannot compare the gaze of "${reader}" on "${id}": it has ${length} fixations, and a scanpath may ` +
          `have ${MOST_FIXATIONS}. So many may be samples that were taken as fixations: import them as ` +
          `samples (with t_ms in place of duration_ms), so that a filter makes fixations of them`,
      );
    }
  }
}

/** Every reader's scanpath of every image, in order; ready-made heatmaps stand in where they are compared. */
export function comparandsOf(items: Item[], input: Measure["input"]): ComparandList {
  const comparands: Comparand[] = [];
  const first = new Uint32Array(items.length + 1);
  items.forEach((item, at) => {
    const { width, height, pixelsPerDegree } = item;
    const base = { item: at, width, height, pixelsPerDegree };
    if (input === "heatmap" && item.heatmaps?.length) {
      for (const { map } of item.heatmaps) comparands.push({ ...base, fixations: [], map });
    } else {
      for (const { fixations } of item.scanpaths) comparands.push({ ...base, fixations });
    }
    first[at + 1] = comparands.length;
  });
  return { comparands, first };
}

/** Runs of items of about `side` comparands each. */
export function blocksOf(first: Uint32Array, side: number): Span[] {
  const blocks: Span[] = [];
  const items = first.length - 1;
  for (let from = 0; from < items;) {
    let to = from + 1;
    while (to < items && first[to + 1] - first[from] <= side && to - from < side) to++;
    blocks.push({ from, count: to - from });
    from = to;
  }
  return blocks;
}

/** The comparands of a run of items. */
export function comparandSpan(first: Uint32Array, { from, count }: Span): Span {
  return { from: first[from], count: first[from + count] - first[from] };
}

/**
 * Values of pairs of comparands to values of pairs of images, [components, rows, columns]. Pairs of invalid
 * comparands are NaN and do not count; an image with itself is 1 where it has a valid comparand.
 */
export function combineComparands(
  values: Float32Array,
  options: {
    first: Uint32Array;
    rows: Span;
    columns: Span;
    components: number;
    combine: Combine;
    validItem: boolean[];
  },
): Float32Array {
  const { first, rows, columns, components, combine, validItem } = options;
  const down = comparandSpan(first, rows), across = comparandSpan(first, columns);
  const single = down.count === rows.count && across.count === columns.count &&
    isSingle(first, rows) && isSingle(first, columns);
  const out = single ? values : new Float32Array(components * rows.count * columns.count);
  for (let component = 0; component < components && !single; component++) {
    const base = component * down.count * across.count;
    let at = component * rows.count * columns.count;
    for (let row = rows.from; row < rows.from + rows.count; row++) {
      for (let column = columns.from; column < columns.from + columns.count; column++) {
        let sum = 0, most = -Infinity, count = 0;
        for (let i = first[row]; i < first[row + 1]; i++) {
          for (let j = first[column]; j < first[column + 1]; j++) {
            const value = values[base + (i - down.from) * across.count + j - across.from];
            if (Number.isNaN(value)) continue;
            sum += value;
            most = Math.max(most, value);
            count++;
          }
        }
        out[at++] = count === 0 ? NaN : combine === "max" ? most : sum / count;
      }
    }
  }
  if (rows.from === columns.from) {
    for (let component = 0; component < components; component++) {
      for (let i = 0; i < rows.count; i++) {
        out[(component * rows.count + i) * rows.count + i] = validItem[rows.from + i] ? 1 : NaN;
      }
    }
  }
  return out;
}

function isSingle(first: Uint32Array, { from, count }: Span): boolean {
  for (let item = from; item < from + count; item++) {
    if (first[item + 1] - first[item] !== 1) return false;
  }
  return true;
}
