/** Feature vectors laid out in the plane, so that they can be drawn. */
import { PCA } from "ml-pca";
import { UMAP } from "umap-js";
import { uniform } from "@/lib/random.ts";

export type ProjectionMethod = "pca" | "umap";

export interface Projection {
  /** [n][2] */
  points: [number, number][];
  /** Share of the variance along each axis; PCA only. */
  explained?: [number, number];
}

/**
 * @param vectors at least three of one length
 * @param seed of the layout by UMAP; PCA has no chance in it
 */
export function project(
  vectors: ArrayLike<number>[],
  { method, seed }: { method: ProjectionMethod; seed: number },
): Projection {
  return method === "pca" ? byPca(vectors) : byUmap(vectors, seed);
}

function byPca(vectors: ArrayLike<number>[]): Projection {
  const rows = vectors.map((vector) => Array.from(vector));
  const spread = totalVariance(rows);
  // Equal vectors have no axis.
  if (spread === 0) return { points: rows.map(() => [0, 0]), explained: [0, 0] };
  const pca = new PCA(rows, { method: "NIPALS", nCompNIPALS: 2, center: true, scale: false });
  const projected = pca.predict(rows, { nComponents: 2 }).to2DArray();
  const points = projected.map(([x, y]): [number, number] => [x, y]);
  const share = (axis: 0 | 1) =>
    points.reduce((sum, point) => sum + point[axis] ** 2, 0) / points.length / spread;
  return { points, explained: [share(0), share(1)] };
}

/** Sum over the dimensions of the population variance. */
function totalVariance(rows: number[][]): number {
  let total = 0;
  for (let d = 0; d < rows[0].length; d++) {
    let [sum, squares] = [0, 0];
    for (const row of rows) {
      sum += row[d];
      squares += row[d] ** 2;
    }
    total += Math.max(0, squares / rows.length - (sum / rows.length) ** 2);
  }
  return total;
}

/** McInnes et al. 2018, with its defaults; 15 neighbours, or all there are. */
function byUmap(vectors: ArrayLike<number>[], seed: number): Projection {
  let draws = 0;
  const umap = new UMAP({
    nComponents: 2,
    nNeighbors: Math.min(15, vectors.length - 1),
    random: () => uniform(seed, draws++),
  });
  const projected = umap.fit(vectors.map((vector) => Array.from(vector)));
  return { points: projected.map(([x, y]): [number, number] => [x, y]) };
}
