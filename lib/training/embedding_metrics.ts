/** Figures of how a pre-training goes besides its loss, from embeddings that it left behind. */
import { batchPositives, type Positives } from "@/lib/gaze/positives.ts";
import type { Cached } from "./embedding_bank.ts";

/** What is known of an image, beside its pixels. */
export interface Known {
  label: string | null;
  patient: string | null;
}

/** Neighbours that vote, and how sharply the nearer ones count: Wu et al. 2018 (arXiv 1805.01978), 3.4. */
const NEIGHBOURS = 20;
const TEMPERATURE = 0.07;

/** Rows of length 1: [R][D]. */
type Rows = Float32Array[];

/**
 * - `alignment`: mean squared distance of the two views of an image (Wang and Isola 2020, arXiv 2005.10242)
 * - `pair_alignment`: the same of positive pairs of images, where there are any
 * - `uniformity`: log of the mean of exp(-2 distance^2) over pairs of images; lower is more even
 * - `knn_accuracy`, `knn_balanced_accuracy`: the label voted for by an image's neighbours among the others,
 *   those of its patient left out; absent without two classes
 *
 * @param options.known of every image of the training
 */
export function gauges(
  { images, features, embeddings: [first, second] }: Cached,
  { positives, known }: { positives: Positives; known?: Known[] },
): Record<string, number> {
  const R = images.length;
  const [f, a, b] = [features, first, second].map((data) => unitRows(data, R));
  const seen = Array.from(images.keys()).filter((row) => f[row] && a[row] && b[row]);
  if (seen.length < 2) return {};
  const [shown, other] = [a, b].map((rows) => seen.map((row) => rows[row]!));
  const shownImages = seen.map((row) => images[row]);
  const weights = batchPositives(positives, shownImages, shownImages, { seed: 0, step: 0 });
  return {
    alignment: mean(shown.map((row, i) => distance(row, other[i]))),
    ...pairFigures(shown, weights),
    ...(known && knn(seen.map((row) => f[row]!), seen.map((row) => known[images[row]]))),
  };
}

/** @param weights above 0 for positive pairs: [R, R] */
function pairFigures(rows: Rows, weights: Float32Array): Record<string, number> {
  let [even, apart, pairs] = [0, 0, 0];
  for (let i = 0; i < rows.length; i++) {
    for (let j = i + 1; j < rows.length; j++) {
      const squared = distance(rows[i], rows[j]);
      even += Math.exp(-2 * squared);
      if (weights[i * rows.length + j] === 0) continue;
      apart += squared;
      pairs++;
    }
  }
  const all = rows.length * (rows.length - 1) / 2;
  return { uniformity: Math.log(even / all), ...(pairs > 0 && { pair_alignment: apart / pairs }) };
}

/** Share of rows whose class the neighbours name. */
export function knn(rows: Rows, known: Known[]): Record<string, number> {
  const labels = new Set(known.flatMap(({ label }) => label ?? []));
  if (labels.size < 2) return {};
  const cosines = rows.map((row, i) => rows.slice(0, i).map((other) => cosine(row, other)));
  const hits = new Map<string, boolean[]>();
  known.forEach(({ label, patient }, i) => {
    if (label === null) return;
    const near = known.flatMap(({ label, patient: of }, j) => {
      if (j === i || label === null || (of !== null && of === patient)) return [];
      return [{ label, cosine: cosines[Math.max(i, j)][Math.min(i, j)] }];
    }).sort((a, b) => b.cosine - a.cosine).slice(0, NEIGHBOURS);
    if (near.length === 0) return;
    const votes = new Map<string, number>();
    for (const { label, cosine } of near) {
      votes.set(label, (votes.get(label) ?? 0) + Math.exp(cosine / TEMPERATURE));
    }
    const [[voted]] = [...votes].sort(([, a], [, b]) => b - a);
    hits.set(label, [...hits.get(label) ?? [], voted === label]);
  });
  if (hits.size === 0) return {};
  const share = (list: boolean[]) => mean(list.map(Number));
  return {
    knn_accuracy: share([...hits.values()].flat()),
    knn_balanced_accuracy: mean([...hits.values()].map(share)),
  };
}

/** Rows divided by their length; undefined for one of zeros. */
function unitRows(data: Float32Array, R: number): (Float32Array | undefined)[] {
  const D = data.length / R;
  return Array.from({ length: R }, (_, i) => {
    const row = data.subarray(i * D, (i + 1) * D);
    let sum = 0;
    for (const value of row) sum += value * value;
    return sum > 0 ? row.map((value) => value / Math.sqrt(sum)) : undefined;
  });
}

/** Squared, of rows of length 1. */
function distance(a: Float32Array, b: Float32Array): number {
  return 2 - 2 * cosine(a, b);
}

function cosine(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let d = 0; d < a.length; d++) sum += a[d] * b[d];
  return sum;
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
