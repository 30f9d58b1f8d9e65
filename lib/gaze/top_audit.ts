/** The audit of very many images' similarity, from the nearest pairs that were kept of it. */
import { AUDIT_QUANTILES, countsOf, degreeStatistics } from "./audit.ts";
import type { Audit, AuditCut } from "./audit_report.ts";
import {
  type Edges,
  edgesAbove,
  nearestEdges,
  placesWhere,
  topQuantileCut,
  type TopSimilarity,
} from "./top_similarity.ts";
import { suggest } from "./suggestion.ts";
import { permutation, stream } from "@/lib/random.ts";

/** Of so many images even small shares are many pairs. */
const QUANTILES = [0.00001, 0.00002, 0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002];
const TOP_K = [1, 2, 5, 10, 20, 50, 100];

/** Pairs looked at in all permutations together. */
const WORK = 1e9;
/** Code of images without a label. */
const UNKNOWN = 65535;

/** A cut and the pairs that it chooses. */
interface Level {
  quantile: number | null;
  top_k: number | null;
  cut: number;
  edges: Edges;
}

/**
 * As `audit`, over the shares of pairs that can be told from what was kept and, beside them, the nearest of each image.
 * There is no AUC: it needs every pair.
 */
export function topAudit(
  similarity: TopSimilarity,
  { labels, seed = 0 }: { labels?: (string | null)[]; seed?: number } = {},
): Audit {
  const levels = levelsOf(similarity);
  const chance = labels && againstChance(similarity, labels, levels, seed);
  const validImages = similarity.valid.reduce((all, one) => all + one, 0);
  const cuts = levels.map(({ edges, ...level }, at): AuditCut => ({
    ...level,
    ...degreeStatistics(degreesOf(similarity.n, edges), similarity.valid),
    share: edges.rows.length / similarity.validPairs,
    ...(chance?.cuts[at] ?? { precision: null, lift: null, p: null }),
  }));
  const result: Audit = {
    images: similarity.n,
    valid_images: validImages,
    coverage: similarity.n === 0 ? 0 : validImages / similarity.n,
    valid_pairs: similarity.validPairs,
    cuts,
    labels: chance
      ? {
        labelled: chance.labelled,
        classes: chance.classes,
        base_rate: chance.base_rate,
        auc: null,
        auc_p: null,
        p: chance.p,
        permutations: chance.permutations,
      }
      : null,
    suggestion: { quantile: null, top_k: null, reasons: [] },
    warnings: [],
  };
  return Object.assign(result, suggest(result));
}

function levelsOf(similarity: TopSimilarity): Level[] {
  const levels: Level[] = [];
  let least = 0;
  for (const quantile of [...QUANTILES, ...AUDIT_QUANTILES]) {
    // A share of less than a pair for every second image says nothing.
    if (quantile * similarity.validPairs < similarity.n / 2) continue;
    const cut = topQuantileCut(similarity, quantile);
    if (cut === undefined || cut === null) continue;
    const edges = edgesAbove(similarity, cut);
    if (edges.rows.length <= least) continue;
    least = edges.rows.length;
    levels.push({ quantile, top_k: null, cut, edges });
  }
  for (const top_k of TOP_K) {
    if (top_k > similarity.k || top_k >= similarity.n) break;
    const edges = nearestEdges(similarity, top_k);
    const cut = edges.values.at(-1);
    if (cut !== undefined) levels.push({ quantile: null, top_k, cut, edges });
  }
  return levels;
}

function degreesOf(n: number, { rows, columns }: Edges): Uint32Array {
  const degrees = new Uint32Array(n);
  for (let e = 0; e < rows.length; e++) {
    degrees[rows[e]]++;
    degrees[columns[e]]++;
  }
  return degrees;
}

/**
 * Labels are permuted over the labelled images with valid gaze. The p-value of the whole is that of the best level,
 * corrected for having looked at all of them.
 */
function againstChance(
  similarity: TopSimilarity,
  labels: (string | null)[],
  levels: Level[],
  seed: number,
) {
  const labelled = labels.flatMap((label, i) => label !== null && similarity.valid[i] ? [i] : []);
  const classes = countsOf(labelled.map((image) => labels[image]));
  const pairs = (count: number) => count * (count - 1) / 2;
  const same = Object.values(classes).reduce((sum, count) => sum + pairs(count), 0);
  const total = pairs(labelled.length);
  if (total === 0 || same === 0 || same === total || levels.length === 0) return null;
  const names = Object.keys(classes);
  const place = new Map(names.map((name, at) => [name, at]));
  const codes = new Uint16Array(similarity.n).fill(UNKNOWN);
  for (const image of labelled) codes[image] = place.get(labels[image]!)!;
  // Only pairs of labelled images count.
  const usable = levels.map(({ edges: { rows, columns } }) => {
    const keep = placesWhere(
      rows.length,
      (e) => codes[rows[e]] !== UNKNOWN && codes[columns[e]] !== UNKNOWN,
    );
    return { rows: keep.map((e) => rows[e]), columns: keep.map((e) => columns[e]) };
  });
  const work = usable.reduce((sum, { rows }) => sum + rows.length, 0);
  const permutations = Math.max(99, Math.min(999, Math.floor(WORK / Math.max(1, work))));
  const count = (of: Uint16Array) =>
    usable.map(({ rows, columns }) => {
      let equal = 0;
      for (let e = 0; e < rows.length; e++) if (of[rows[e]] === of[columns[e]]) equal++;
      return equal;
    });
  const seen = count(codes);
  const drawn = Array.from({ length: permutations }, (_, round) => {
    const order = permutation(labelled.length, seed, stream("audit"), round);
    const shuffled = codes.slice();
    labelled.forEach((image, at) => shuffled[image] = codes[labelled[order[at]]]);
    return count(shuffled);
  });
  const tail = (holds: (draw: number[]) => boolean) =>
    (1 + drawn.filter(holds).length) / (1 + permutations);
  const base_rate = same / total;
  const moments = seen.map((_, k) => momentsOf(drawn.map((draw) => draw[k])));
  const best = (counts: number[]) =>
    Math.max(
      ...counts.map((value, k) =>
        moments[k].deviation > 0 ? (value - moments[k].mean) / moments[k].deviation : 0
      ),
    );
  const top = best(seen);
  return {
    labelled: labelled.length,
    classes,
    base_rate,
    p: tail((draw) => best(draw) >= top - 1e-9),
    permutations,
    cuts: usable.map(({ rows }, k) => {
      if (rows.length === 0) return { precision: null, lift: null, p: null };
      const precision = seen[k] / rows.length;
      return { precision, lift: precision / base_rate, p: tail((draw) => draw[k] >= seen[k]) };
    }),
  };
}

function momentsOf(values: number[]): { mean: number; deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, deviation: Math.sqrt(variance) };
}
