/** Positive pairs from similarities of gaze: which images are pulled together. */
import { quantileCut, sideOf } from "./pair_quantile.ts";
import { stream, uniform } from "@/lib/random.ts";

/** Which pairs are positive; a pair is `i < j` with a valid similarity. */
export type Cut =
  /** The top share of the valid pairs, in (0, 1]. */
  | { quantile: number }
  /** Strictly above. */
  | { threshold: number }
  /** Each image's k most similar ones; a pair if either counts the other. */
  | { top_k: number };

export interface PositivesOptions {
  cut: Cut;
  /** The image whose place in the similarity each image takes: [N]; without it its own. */
  place?: Uint32Array;
  /** Weight a pair by its similarity (clamped to [0, 1]) instead of 1. */
  soft?: boolean;
}

export interface Positives {
  /** [N, N], symmetric, the diagonal 1. */
  matrix: DenseMatrix | CsrMatrix;
  n: number;
  /** Pairs lie strictly above this; null where no similarity was used. */
  cut: number | null;
  /** Positive pairs i < j. */
  pairs: number;
}

/** Weights; Float32Array where soft. */
export type DenseMatrix = Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer>;

/**
 * Of very many images, by compressed rows: the positives of image i are `columns` from `rowPointers[i]` to
 * `rowPointers[i + 1]`, itself left out.
 */
export interface CsrMatrix {
  /** [N + 1] */
  rowPointers: Uint32Array;
  columns: Uint32Array;
  /** Weights of `columns` where soft; all 1 without. */
  values?: Float32Array;
}

export interface DensePositives extends Positives {
  matrix: DenseMatrix;
}

/**
 * The pairs of images above the cut of a similarity.
 * @param similarity [N, N], symmetric, NaN where invalid; its diagonal is not looked at
 */
export function positives(similarity: Float32Array, options: PositivesOptions): DensePositives {
  const n = sideOf(similarity);
  const { soft = false, place = Uint32Array.from({ length: n }, (_, i) => i) } = options;
  const matrix = soft ? new Float32Array(n * n) : new Uint8Array(n * n);
  for (let i = 0; i < n; i++) matrix[i * n + i] = 1;
  const result: DensePositives = { matrix, n, cut: null, pairs: 0 };
  const weight = soft ? softWeight : () => 1;
  if ("top_k" in options.cut) {
    const chosen = neighbours(similarity, n, options.cut.top_k);
    let lowest = Infinity;
    result.pairs = fill(matrix, n, (i, j) => {
      const [a, b] = [place[i], place[j]];
      if (!chosen[a * n + b]) return 0;
      lowest = Math.min(lowest, similarity[a * n + b]);
      return weight(similarity[a * n + b]);
    });
    // Not every pair above this is positive, but every positive pair is at it or above.
    result.cut = lowest < Infinity ? lowest : null;
    return result;
  }
  const cut = "threshold" in options.cut
    ? options.cut.threshold
    : quantileCut(similarity, options.cut.quantile).cut;
  result.cut = cut;
  if (cut === null) return result;
  result.pairs = fill(matrix, n, (i, j) => {
    const value = similarity[place[i] * n + place[j]];
    return value > cut ? weight(value) : 0;
  });
  return result;
}

/** A similarity as the weight of a positive pair. */
export function softWeight(similarity: number): number {
  return Math.min(1, Math.max(0, similarity));
}

/** Images of one class, or of one patient, are positive, whatever their gaze; those without any with none. */
export function labelPositives(labels: (string | null)[]): DensePositives {
  const n = labels.length;
  const matrix = new Uint8Array(n * n);
  for (let i = 0; i < n; i++) matrix[i * n + i] = 1;
  const pairs = fill(
    matrix,
    n,
    (i, j) => labels[i] !== null && labels[i] === labels[j] ? 1 : 0,
  );
  return { matrix, n, cut: null, pairs };
}

/** The same pairs without those for which `leaves` holds. */
export function withoutPairs(
  { matrix, n, ...rest }: Positives,
  leaves: (i: number, j: number) => boolean,
): Positives {
  let pairs = rest.pairs;
  if (!("rowPointers" in matrix)) {
    const left = matrix.slice();
    for (let i = 0; i < n; i++) {
      for (let j = i + 1; j < n; j++) {
        if (left[i * n + j] === 0 || !leaves(i, j)) continue;
        left[i * n + j] = left[j * n + i] = 0;
        pairs--;
      }
    }
    return { ...rest, n, matrix: left, pairs };
  }
  const rowPointers = new Uint32Array(n + 1);
  const columns = new Uint32Array(matrix.columns.length);
  const values = matrix.values && new Float32Array(matrix.values.length);
  let kept = 0;
  for (let i = 0; i < n; i++) {
    for (let at = matrix.rowPointers[i]; at < matrix.rowPointers[i + 1]; at++) {
      const j = matrix.columns[at];
      if (leaves(i, j)) {
        // A pair of weight 0 is none.
        if (i < j && (matrix.values?.[at] ?? 1) > 0) pairs--;
        continue;
      }
      columns[kept] = j;
      if (values) values[kept] = matrix.values![at];
      kept++;
    }
    rowPointers[i + 1] = kept;
  }
  const left = { rowPointers, columns: columns.slice(0, kept) };
  return {
    ...{ ...rest, n, pairs },
    matrix: values ? { ...left, values: values.slice(0, kept) } : left,
  };
}

/**
 * Whether the pair of images (i, j) stays in a batch: drawn afresh for every step, the same for (j, i), and a
 * function of its place alone. An image always stays with itself.
 * @param drop probability of leaving the pair out
 */
export function keepsPair(i: number, j: number, drop: number, seed: number, step: number): boolean {
  if (drop <= 0 || i === j) return true;
  return uniform(seed, DROP, step, Math.min(i, j), Math.max(i, j)) >= drop;
}

/**
 * Weights of a batch's rows against columns (other views of the batch, or a queue), with the drop drawn.
 * @param rows images of the rows: [B]
 * @param columns images of the columns, -1 for none: [M]
 * @returns [B, M]
 */
export function batchPositives(
  { matrix, n }: Positives,
  rows: ArrayLike<number>,
  columns: ArrayLike<number>,
  { drop = 0, seed, step }: { drop?: number; seed: number; step: number },
): Float32Array<ArrayBuffer> {
  const weights = new Float32Array(rows.length * columns.length);
  const rowOf = rowsOf(matrix, n);
  for (let r = 0; r < rows.length; r++) {
    const row = rowOf(rows[r]);
    for (let c = 0; c < columns.length; c++) {
      if (columns[c] < 0) continue;
      const weight = row[columns[c]];
      if (weight > 0 && keepsPair(rows[r], columns[c], drop, seed, step)) {
        weights[r * columns.length + c] = weight;
      }
    }
  }
  return weights;
}

const DROP = stream("drop");

/** Gives rows of a matrix, [N] each, until the next one is asked for. */
function rowsOf(matrix: Positives["matrix"], n: number): (i: number) => ArrayLike<number> {
  if (!("rowPointers" in matrix)) return (i) => matrix.subarray(i * n, (i + 1) * n);
  const { rowPointers, columns, values } = matrix;
  const row = values ? new Float32Array(n) : new Uint8Array(n);
  let last: number | undefined;
  return (i) => {
    if (last !== undefined) {
      for (let at = rowPointers[last]; at < rowPointers[last + 1]; at++) row[columns[at]] = 0;
      row[last] = 0;
    }
    for (let at = rowPointers[i]; at < rowPointers[i + 1]; at++) {
      row[columns[at]] = values?.[at] ?? 1;
    }
    row[i] = 1;
    last = i;
    return row;
  };
}

/** The images that are positive with each other one, itself left out, in their order. */
export function partnersOf({ matrix, n }: Positives): (i: number) => ArrayLike<number> {
  if ("rowPointers" in matrix) {
    return (i) => matrix.columns.slice(matrix.rowPointers[i], matrix.rowPointers[i + 1]).sort();
  }
  return (i) => {
    const row = matrix.subarray(i * n, (i + 1) * n);
    const partners: number[] = [];
    for (let j = 0; j < n; j++) if (row[j] > 0 && j !== i) partners.push(j);
    return partners;
  };
}

/** Writes `weight(i, j)` to both halves; returns how many pairs are not 0. */
function fill(
  matrix: Uint8Array | Float32Array,
  n: number,
  weight: (i: number, j: number) => number,
): number {
  let pairs = 0;
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) {
      const value = weight(i, j);
      if (value === 0) continue;
      matrix[i * n + j] = matrix[j * n + i] = value;
      pairs++;
    }
  }
  return pairs;
}

/** 1 where i counts j among its k most similar, or j counts i; equal similarities: the earlier image. [N, N] */
function neighbours(similarity: Float32Array, n: number, k: number): Uint8Array {
  const chosen = new Uint8Array(n * n);
  for (let i = 0; i < n; i++) {
    const row = similarity.subarray(i * n, (i + 1) * n);
    const best: number[] = []; // descending
    for (let j = 0; j < n; j++) {
      if (j === i || !(row[j] >= -Infinity)) continue;
      if (best.length === k && !(row[j] > row[best[k - 1]])) continue;
      if (best.length === k) best.pop();
      let at = best.length;
      while (at > 0 && row[best[at - 1]] < row[j]) at--;
      best.splice(at, 0, j);
    }
    for (const j of best) chosen[i * n + j] = chosen[j * n + i] = 1;
  }
  return chosen;
}
