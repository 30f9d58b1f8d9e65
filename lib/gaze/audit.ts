/**
 * What positive pairs by a similarity would be worth, before anything is trained: who would be paired, and, where
 * there are labels, whether paired images have the same label more often than chance has it.
 */
import { quantileCut, sideOf } from "./pair_quantile.ts";
import { aucOfPairs, type PermutationTest, permutationTest } from "./permutation_test.ts";
import { suggest } from "./suggestion.ts";
import type { Audit, AuditCut, Hub, LabelAudit } from "./audit_report.ts";

/** Top shares of the valid pairs that an audit looks at. */
export const AUDIT_QUANTILES = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5];

export interface AuditOptions {
  /** Class of every image, null where unknown. */
  labels?: (string | null)[];
  /** Of the permutations. */
  seed?: number;
  quantiles?: number[];
}

/** @param similarity [N, N], symmetric, NaN where invalid; the diagonal is not looked at */
export function audit(similarity: Float32Array, options: AuditOptions = {}): Audit {
  const n = sideOf(similarity);
  const { labels, seed = 0, quantiles = AUDIT_QUANTILES } = options;
  if (labels && labels.length !== n) {
    throw new Error(`Cannot audit: ${n} labels expected, got ${labels.length}`);
  }
  const found = quantiles.map((quantile) => ({ quantile, ...quantileCut(similarity, quantile) }));
  const valid_pairs = found[0]?.valid ?? 0;
  const levels = found.flatMap(({ quantile, cut }) => cut === null ? [] : [{ quantile, cut }])
    .sort((a, b) => b.cut - a.cut);
  const { degrees, valid } = countPositives(similarity, n, levels.map(({ cut }) => cut));
  const chance = labels &&
    permutationTest(similarity, labels, levels.map(({ cut }) => cut), seed);
  const validImages = valid.reduce((all, one) => all + one, 0);
  const cuts = levels.map(({ quantile, cut }, k): AuditCut => ({
    quantile,
    top_k: null,
    cut,
    ...degreeStatistics(degrees[k], valid),
    share: 0,
    precision: chance?.cuts[k].precision ?? null,
    lift: chance?.cuts[k].lift ?? null,
    p: chance?.cuts[k].p ?? null,
  }));
  for (const one of cuts) one.share = one.pairs / valid_pairs;
  const result: Audit = {
    images: n,
    valid_images: validImages,
    coverage: n === 0 ? 0 : validImages / n,
    valid_pairs,
    cuts,
    labels: chance && labels ? labelAudit(similarity, labels, valid, chance) : null,
    suggestion: { quantile: null, top_k: null, reasons: [] },
    warnings: [],
  };
  return Object.assign(result, suggest(result));
}

function labelAudit(
  similarity: Float32Array,
  labels: (string | null)[],
  valid: Uint8Array,
  chance: PermutationTest,
): LabelAudit | null {
  const auc = aucOfPairs(similarity, labels);
  if (auc === null) return null;
  const classes = countsOf(labels.filter((_, i) => valid[i]));
  return {
    labelled: Object.values(classes).reduce((all, count) => all + count, 0),
    classes,
    base_rate: chance.base_rate,
    auc,
    auc_p: chance.auc_p,
    p: chance.p,
    permutations: chance.permutations,
  };
}

/** Images by label, whatever it is called; those without one are left out. */
export function countsOf(labels: (string | null)[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const label of labels) {
    if (label !== null) counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  return Object.fromEntries(counts);
}

/** Positives of every image at every cut; `valid` 1 for images with a valid pair. `cuts` descend. */
function countPositives(
  similarity: Float32Array,
  n: number,
  cuts: number[],
): { degrees: Uint32Array[]; valid: Uint8Array } {
  const degrees = cuts.map(() => new Uint32Array(n));
  const valid = new Uint8Array(n);
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) {
      const value = similarity[i * n + j];
      if (value !== value) continue;
      valid[i] = valid[j] = 1;
      for (let k = cuts.length - 1; k >= 0 && value > cuts[k]; k--) {
        degrees[k][i]++;
        degrees[k][j]++;
      }
    }
  }
  return { degrees, valid };
}

/** How the positives of one cut are distributed over the images; `degrees`: positives of each. */
export function degreeStatistics(degrees: Uint32Array, valid: Uint8Array) {
  const hubs: Hub[] = [...degrees.keys()]
    .filter((image) => valid[image])
    .map((image) => ({ image, positives: degrees[image] }))
    .sort((a, b) => b.positives - a.positives || a.image - b.image);
  const ends = hubs.reduce((all, { positives }) => all + positives, 0);
  const top = hubs.slice(0, Math.max(1, Math.round(hubs.length / 100)));
  const half = hubs.length >> 1;
  const median = hubs.length % 2 === 1
    ? hubs[half].positives
    : ((hubs[half - 1]?.positives ?? 0) + (hubs[half]?.positives ?? 0)) / 2;
  return {
    pairs: ends / 2,
    positives_per_image: {
      min: hubs.at(-1)?.positives ?? 0,
      median,
      mean: hubs.length === 0 ? 0 : ends / hubs.length,
      max: hubs[0]?.positives ?? 0,
    },
    images_without: hubs.filter(({ positives }) => positives === 0).length,
    hubs: hubs.slice(0, 5).filter(({ positives }) => positives > 0),
    hub_share: ends === 0 ? 0 : top.reduce((all, { positives }) => all + positives, 0) / ends,
  };
}
