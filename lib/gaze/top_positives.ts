/** Positive pairs of very many images, from what was kept of their similarity. */
import {
  beyond,
  type Edges,
  edgesAbove,
  greatestShare,
  type KnownPairs,
  knownQuantileCut,
  nearestEdges,
} from "./top_similarity.ts";
import { type Cut, type Positives, softWeight, type SparseMatrix } from "./positives.ts";
import { permutation, stream } from "@/lib/random.ts";

/**
 * As `positives` of the whole matrix. With `top_k`, images whose kept neighbours are mostly left out of the set have fewer.
 * @throws InvalidInput where the cut needs more than was kept
 */
export function knownPositives(
  known: KnownPairs,
  { cut, arm, seed, soft = false }: {
    cut: Cut;
    arm: "gaze" | "shuffled";
    seed: number;
    soft?: boolean;
  },
): Positives {
  const { edges, cut: used } = chosen(known, cut);
  const { n } = known;
  // A shuffled reader looks at image i, and is taken to have looked at image place[i].
  const image = Uint32Array.from({ length: n }, (_, i) => i);
  if (arm === "shuffled") {
    permutation(n, seed, stream("shuffled")).forEach((place, i) => image[place] = i);
  }
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

function chosen(known: KnownPairs, cut: Cut): { edges: Edges; cut: number | null } {
  if ("top_k" in cut) {
    const edges = nearestEdges(known, cut.top_k);
    return { edges, cut: edges.values.at(-1) ?? null };
  }
  if ("threshold" in cut) return { edges: edgesAbove(known, cut.threshold), cut: cut.threshold };
  const value = knownQuantileCut(known, cut.quantile);
  if (value === undefined) {
    const share = greatestShare(known).toPrecision(2);
    throw beyond(
      `a quantile of ${cut.quantile}`,
      `quantiles under ${share}, or top_k up to ${known.k}`,
    );
  }
  return { edges: edgesAbove(known, value ?? Infinity), cut: value };
}

/** Both directions of the pairs (rows[e], columns[e]). */
function sparse(
  n: number,
  rows: Uint32Array,
  columns: Uint32Array,
  values?: Float32Array,
): SparseMatrix {
  const starts = new Uint32Array(n + 1);
  for (let e = 0; e < rows.length; e++) {
    starts[rows[e] + 1]++;
    starts[columns[e] + 1]++;
  }
  for (let i = 0; i < n; i++) starts[i + 1] += starts[i];
  const next = starts.slice();
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
  return { starts, columns: others, ...(weights && { weights }) };
}
