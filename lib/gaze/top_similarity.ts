/** What is known of a similarity whose matrix was too large to keep: each image's nearest, and the nearest pairs. */
import { InvalidInput } from "@/lib/errors.ts";
import { keyOf, orderBy, valueOf } from "./radix_sort.ts";

export interface TopSimilarity {
  /** Images. */
  n: number;
  /** 1 for images with valid gaze; all pairs of such are valid: [n] */
  valid: Uint8Array;
  validPairs: number;
  /** The most similar pairs, best first; every pair above `above` is among them (null: every pair). */
  rows: Uint32Array;
  columns: Uint32Array;
  values: Float32Array;
  above: number | null;
  /** The `k` most similar images of each, best first, -1 where there are fewer: [n, k] */
  k: number;
  indices: Int32Array;
  /** How similar they are: [n, k] */
  nearest: Float32Array;
}

/** Pairs i < j, most similar first. */
export interface Edges {
  rows: Uint32Array;
  columns: Uint32Array;
  values: Float32Array;
}

/** What is known among some of the images, in this order; their lists may become shorter than k. */
export function among(similarity: TopSimilarity, images: number[]): TopSimilarity {
  const place = new Int32Array(similarity.n).fill(-1);
  images.forEach((image, at) => place[image] = at);
  const valid = Uint8Array.from(images, (image) => similarity.valid[image]);
  const keep = placesWhere(
    similarity.values.length,
    (at) => place[similarity.rows[at]] >= 0 && place[similarity.columns[at]] >= 0,
  );
  const ends = (at: number) => [place[similarity.rows[at]], place[similarity.columns[at]]];
  const { k } = similarity;
  const indices = new Int32Array(images.length * k).fill(-1);
  const nearest = new Float32Array(images.length * k).fill(NaN);
  images.forEach((image, to) => {
    let count = 0;
    for (let from = image * k; from < (image + 1) * k; from++) {
      const other = similarity.indices[from] < 0 ? -1 : place[similarity.indices[from]];
      if (other < 0) continue;
      indices[to * k + count] = other;
      nearest[to * k + count++] = similarity.nearest[from];
    }
  });
  return {
    n: images.length,
    valid,
    validPairs: pairsOf(valid),
    rows: Uint32Array.from(keep, (at) => Math.min(...ends(at))),
    columns: Uint32Array.from(keep, (at) => Math.max(...ends(at))),
    values: Float32Array.from(keep, (at) => similarity.values[at]),
    above: similarity.above,
    k,
    indices,
    nearest,
  };
}

/** The numbers under `count` that hold, ascending. */
export function placesWhere(count: number, holds: (at: number) => boolean): Uint32Array {
  const places = new Uint32Array(count);
  let kept = 0;
  for (let at = 0; at < count; at++) if (holds(at)) places[kept++] = at;
  return places.slice(0, kept);
}

/** Pairs of valid images. */
export function pairsOf(valid: Uint8Array): number {
  const count = valid.reduce((sum, one) => sum + one, 0);
  return count * (count - 1) / 2;
}

/**
 * As `quantileCut` of the whole matrix; undefined where that cannot be told from what was kept, null where there is no
 * valid pair.
 */
export function topQuantileCut(
  similarity: TopSimilarity,
  share: number,
): number | null | undefined {
  const { values, above, validPairs } = similarity;
  if (validPairs === 0) return null;
  const wanted = Math.min(validPairs, Math.max(1, Math.round(share * validPairs)));
  if (wanted > values.length) return undefined;
  const last = values[wanted - 1];
  const first = values.indexOf(last);
  let end = wanted;
  while (end < values.length && values[end] === last) end++;
  if (first > 0 && wanted - first < end - wanted) return last;
  // Of the pairs at the edge of what was kept some may be missing.
  if (above !== null && !(last > above)) return undefined;
  if (end < values.length) return values[end];
  if (above !== null) return above;
  const key = keyOf(last === 0 ? 0 : last);
  return valueOf(last === 0 ? key - 2 : key - 1);
}

/** Pairs strictly above a value. @throws InvalidInput where not all of them were kept */
export function edgesAbove(similarity: TopSimilarity, cut: number): Edges {
  const { rows, columns, values, above } = similarity;
  if (above !== null && cut < above) {
    throw beyond(`a threshold of ${cut}`, `thresholds from ${above} on`);
  }
  let end = values.length;
  while (end > 0 && !(values[end - 1] > cut)) end--;
  return {
    rows: rows.subarray(0, end),
    columns: columns.subarray(0, end),
    values: values.subarray(0, end),
  };
}

/**
 * Pairs of which one counts the other among its k most similar.
 * @throws InvalidInput where fewer were kept
 */
export function nearestEdges({ n, k, indices, nearest }: TopSimilarity, wanted: number): Edges {
  if (wanted > k) throw beyond(`top_k ${wanted}`, `top_k up to ${k}`);
  // Millions of pairs: whole arrays of numbers, and sorts in linear time.
  const rows = new Uint32Array(n * wanted), columns = new Uint32Array(n * wanted);
  const keys = new Uint32Array(n * wanted);
  let count = 0;
  const counts = (of: number, other: number) => {
    for (let at = of * k; at < of * k + wanted; at++) if (indices[at] === other) return true;
    return false;
  };
  for (let i = 0; i < n; i++) {
    for (let at = i * k; at < i * k + wanted; at++) {
      const j = indices[at];
      // Counted both ways it is found twice: the earlier image tells it.
      if (j < 0 || (j < i && counts(j, i))) continue;
      rows[count] = Math.min(i, j);
      columns[count] = Math.max(i, j);
      // Descending; of zeros of both signs neither is above the other.
      keys[count++] = ~keyOf(nearest[at] || 0) >>> 0;
    }
  }
  const order = orderBy([columns, rows, keys].map((by) => by.subarray(0, count)));
  return {
    rows: order.map((at) => rows[at]),
    columns: order.map((at) => columns[at]),
    values: Float32Array.from(order, (at) => valueOf(~keys[at] >>> 0)),
  };
}

/** The greatest share of the pairs that was kept. */
export function greatestShare({ values, validPairs }: TopSimilarity): number {
  return validPairs === 0 ? 0 : values.length / validPairs;
}

/** A cut that needs more than was kept. */
export function beyond(asked: string, possible: string): InvalidInput {
  return new InvalidInput(
    `Cannot use ${asked}: of so many images only the nearest pairs were kept, which allow ${possible}. ` +
      "A similarity job with a greater top_k or most_pairs keeps more",
    [{ pointer: "/cut", message: `${possible} can be used` }],
  );
}
