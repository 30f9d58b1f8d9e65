/** Whether similar images have the same label: AUC over pairs, and permutation tests over a range of cuts. */
import { eachPair, sideOf } from "./pair_quantile.ts";
import { sortKeys } from "./radix_sort.ts";
import { permutation, stream } from "@/lib/random.ts";

/**
 * AUC of similarity for "same label" over the valid pairs of labelled images: ranks, ties halved, exact.
 * @returns null where all pairs have the same label, or none has
 */
export function aucOfPairs(similarity: Float32Array, labels: (string | null)[]): number | null {
  const { codes } = codesOf(labels);
  const counts = [0, 0];
  const visit = (see: (key: number, same: number) => void) =>
    eachPair(similarity, (key, i, j) => {
      if (codes[i] >= 0 && codes[j] >= 0) see(key, codes[i] === codes[j] ? 1 : 0);
    });
  visit((_, same) => counts[same]++);
  const keys = counts.map((count) => new Uint32Array(count));
  const at = [0, 0];
  visit((key, same) => keys[same][at[same]++] = key);
  if (counts[0] === 0 || counts[1] === 0) return null;
  const [other, same] = keys.map(sortKeys);
  let below = 0; // pairs of two labels under the present key
  let wins = 0;
  for (let s = 0; s < same.length;) {
    const key = same[s];
    while (below < other.length && other[below] < key) below++;
    let equal = below;
    while (equal < other.length && other[equal] === key) equal++;
    let ties = s;
    while (ties < same.length && same[ties] === key) ties++;
    wins += (ties - s) * (below + (equal - below) / 2);
    s = ties;
  }
  return wins / (same.length * other.length);
}

export interface PermutationTest {
  /** In the order of the cuts. */
  cuts: { precision: number | null; lift: number | null; p: number | null }[];
  base_rate: number;
  auc_p: number;
  /** Of the best cut, corrected for the choice. */
  p: number;
  permutations: number;
  /** How many standard deviations precision lies over chance, per cut. */
  z: number[];
}

/** Pairs looked at in all permutations together. */
const WORK = 1.5e9;
/** Steps of similarity in which ranks are counted. */
const STEPS = 60;
const INVALID = 255;

/**
 * Labels are permuted over the labelled images, which keeps the similarities and the class sizes and breaks what
 * binds them. Statistics: pairs of one label above each cut; their sum of ranks.
 * @param cuts descending
 */
export function permutationTest(
  similarity: Float32Array,
  labels: (string | null)[],
  cuts: number[],
  seed: number,
): PermutationTest | null {
  const { codes, classes } = codesOf(labels);
  const labelled = [...codes.keys()].filter((i) => codes[i] >= 0);
  const binned = binsOf(similarity, codes, cuts);
  const { edges, all } = binned;
  const total = all.reduce((sum, count) => sum + count, 0);
  const observed = countSame(binned.bins, codes, labelled, classes);
  const same = observed.reduce((sum, count) => sum + count, 0);
  if (total === 0 || same === 0 || same === total) return null;
  const permutations = Math.max(99, Math.min(999, Math.floor(WORK / same)));
  const cutBins = cuts.map((cut) => edges.indexOf(cut) + 1); // bins from here on lie above the cut
  const ranks = midRanks(all);
  const statistics = (counts: Float64Array): number[] => [
    ...cutBins.map((from) => sumFrom(counts, from)),
    counts.reduce((sum, count, bin) => sum + count * ranks[bin], 0),
  ];
  const seen = statistics(observed);
  const drawn = Array.from({ length: permutations }, (_, round) => {
    const order = permutation(labelled.length, seed, stream("audit"), round);
    const shuffled = codes.slice();
    labelled.forEach((image, k) => shuffled[image] = codes[labelled[order[k]]]);
    return statistics(countSame(binned.bins, shuffled, labelled, classes));
  });
  const tail = (k: number) =>
    (1 + drawn.filter((draw) => draw[k] >= seen[k] - 1e-9).length) / (1 + permutations);
  const base_rate = same / total;
  const moments = seen.map((_, k) => momentsOf(drawn.map((draw) => draw[k])));
  const zOf = (values: number[], k: number) =>
    moments[k].deviation > 0 ? (values[k] - moments[k].mean) / moments[k].deviation : 0;
  const best = (values: number[]) => Math.max(...cuts.map((_, k) => zOf(values, k)));
  const top = best(seen);
  return {
    cuts: cuts.map((_, k) => {
      const above = sumFrom(all, cutBins[k]);
      if (above === 0) return { precision: null, lift: null, p: null };
      return { precision: seen[k] / above, lift: seen[k] / above / base_rate, p: tail(k) };
    }),
    base_rate,
    auc_p: tail(cuts.length),
    p: (1 + drawn.filter((draw) => best(draw) >= top - 1e-9).length) / (1 + permutations),
    permutations,
    z: cuts.map((_, k) => zOf(seen, k)),
  };
}

/** Classes as numbers, -1 for unknown. */
function codesOf(labels: (string | null)[]): { codes: Int32Array<ArrayBuffer>; classes: number } {
  const names = [...new Set(labels.filter((label) => label !== null))];
  const code = new Map(names.map((name, c) => [name, c]));
  return {
    codes: Int32Array.from(labels, (label) => label === null ? -1 : code.get(label)!),
    classes: names.length,
  };
}

/** Every pair's step of similarity: bin b holds values over edges[b - 1], up to edges[b]. [N, N], upper half. */
function binsOf(similarity: Float32Array, codes: Int32Array, cuts: number[]) {
  const n = sideOf(similarity);
  // Edges at even shares of a sample; which ones does not matter, as chance is counted with the same.
  const sample: number[] = [];
  const stride = Math.max(1, Math.floor(n * n / 200_000)) | 1;
  for (let at = 0; at < similarity.length; at += stride) {
    if (similarity[at] === similarity[at]) sample.push(similarity[at]);
  }
  sample.sort((a, b) => a - b);
  const steps = Array.from(
    { length: STEPS - 1 },
    (_, k) => sample[Math.floor((k + 1) / STEPS * sample.length)],
  );
  const edges = [...new Set([...steps.filter((edge) => edge !== undefined), ...cuts])].sort((
    a,
    b,
  ) => a - b);
  const bins = new Uint8Array(n * n).fill(INVALID);
  const all = new Float64Array(edges.length + 1);
  for (let i = 0; i < n; i++) {
    if (codes[i] < 0) continue;
    for (let j = i + 1; j < n; j++) {
      const value = similarity[i * n + j];
      if (codes[j] < 0 || value !== value) continue;
      let low = 0;
      let high = edges.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (value > edges[middle]) low = middle + 1;
        else high = middle;
      }
      bins[i * n + j] = low;
      all[low]++;
    }
  }
  return { bins, edges, all };
}

/** Pairs of one label per bin. */
function countSame(
  bins: Uint8Array,
  codes: Int32Array,
  labelled: number[],
  classes: number,
): Float64Array {
  const n = codes.length;
  const members: number[][] = Array.from({ length: classes }, () => []);
  for (const image of labelled) members[codes[image]].push(image);
  const counts = new Uint32Array(256);
  for (const list of members) {
    const images = Uint32Array.from(list);
    for (let a = 0; a < images.length; a++) {
      const row = images[a] * n;
      for (let b = a + 1; b < images.length; b++) counts[bins[row + images[b]]]++;
    }
  }
  return Float64Array.from(counts.subarray(0, INVALID));
}

/** Mean rank of a bin's pairs. */
function midRanks(all: Float64Array): Float64Array {
  const ranks = new Float64Array(INVALID);
  let below = 0;
  all.forEach((count, bin) => {
    ranks[bin] = below + count / 2;
    below += count;
  });
  return ranks;
}

function sumFrom(counts: Float64Array, from: number): number {
  let sum = 0;
  for (let bin = from; bin < counts.length; bin++) sum += counts[bin];
  return sum;
}

function momentsOf(values: number[]): { mean: number; deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, deviation: Math.sqrt(variance) };
}
