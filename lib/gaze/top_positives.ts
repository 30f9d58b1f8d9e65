/** Positive pairs of very many images, from what was kept of their similarity. */
import {
  beyond,
  type Edges,
  edgesAbove,
  greatestShare,
  nearestEdges,
  topQuantileCut,
  type TopSimilarity,
} from "./top_similarity.ts";
import {
  type CsrMatrix,
  type Cut,
  type Positives,
  type PositivesOptions,
  softWeight,
} from "./positives.ts";

/**
 * As `positives` of the whole matrix. With `top_k`, images whose kept neighbours are mostly left out of the set have fewer.
 * @throws InvalidInput where the cut needs more than was kept
 */
export function topPositives(
  similarity: TopSimilarity,
  { cut, place, soft = false }: PositivesOptions,
): Positives {
  const { edges, cut: used } = chosen(similarity, cut);
  const { n } = similarity;
  const image = Uint32Array.from({ length: n }, (_, i) => i);
  place?.forEach((at, i) => image[at] = i);
  const matrix = sparse(
    n,
    edges.rows.map((row) => image[row]),
    edges.columns.map((c) => image[c]),
    soft ? edges.values.map(softWeight) : undefined,
  );
  const pairs = soft ? edges.values.filter((value) => value > 0).length : edges.rows.length;
  return { matrix, n, cut: used, pairs };
}

/** No positives but the images themselves. */
export function noPositives(n: number): Positives {
  const none = new Uint32Array(0);
  return { matrix: sparse(n, none, none), n, cut: null, pairs: 0 };
}

function chosen(similarity: TopSimilarity, cut: Cut): { edges: Edges; cut: number | null } {
  if ("top_k" in cut) {
    const edges = nearestEdges(similarity, cut.top_k);
    return { edges, cut: edges.values.at(-1) ?? null };
  }
  if ("threshold" in cut) {
    return { edges: edgesAbove(similarity, cut.threshold), cut: cut.threshold };
  }
  const value = topQuantileCut(similarity, cut.quantile);
  if (value === undefined) {
    const share = greatestShare(similarity).toPrecision(2);
    throw beyond(
      `a quantile of ${cut.quantile}`,
      `quantiles under ${share}, or top_k up to ${similarity.k}`,
    );
  }
  return { edges: edgesAbove(similarity, value ?? Infinity), cut: value };
}

/** Both directions of the pairs (rows[e], columns[e]). */
function sparse(
  n: number,
  rows: Uint32Array,
  columns: Uint32Array,
  values?: Float32Array,
): CsrMatrix {
  const rowPointers = new Uint32Array(n + 1);
  for (let e = 0; e < rows.length; e++) {
    rowPointers[rows[e] + 1]++;
    rowPointers[columns[e] + 1]++;
  }
  for (let i = 0; i < n; i++) rowPointers[i + 1] += rowPointers[i];
  const next = rowPointers.slice();
  const others = new Uint32Array(2 * rows.length);
  const weights = values && new Float32Array(others.length);
  const put = (from: number, to: number, e: number) => {
    if (weights) weights[next[from]] = values[e];
    others[next[from]++] = to;
  };
  for (let e = 0; e < rows.length; e++) {
    put(rows[e], columns[e], e);
    put(columns[e], rows[e], e);
  }
  return { rowPointers, columns: others, ...(weights && { values: weights }) };
}
