/** Cuts, positives and audits from the nearest pairs alone say what those of the whole matrix say, or refuse. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { InvalidInput } from "@/lib/errors.ts";
import { audit } from "@/lib/gaze/audit.ts";
import { topAudit } from "@/lib/gaze/top_audit.ts";
import {
  among,
  nearestEdges,
  pairsOf,
  topQuantileCut,
  type TopSimilarity,
} from "@/lib/gaze/top_similarity.ts";
import { topPositives } from "@/lib/gaze/top_positives.ts";
import { quantileCut } from "@/lib/gaze/pair_quantile.ts";
import { batchPositives, type Cut, type Positives, positives } from "@/lib/gaze/positives.ts";
import { Neighbours, TopPairs } from "@/lib/gaze/similarity/neighbours.ts";
import { permutation, stream, uniform } from "@/lib/random.ts";

/** [n, n] with as many different values as `steps`; images of `invalid` have none. */
function drawn(n: number, seed: number, steps: number, invalid: number[] = []): Float32Array {
  const values = new Float32Array(n * n).fill(1);
  for (let i = 0; i < n; i++) {
    for (let j = i; j < n; j++) {
      const value = i === j ? 1 : Math.floor(uniform(seed, i, j) * steps) / steps;
      const none = invalid.includes(i) || invalid.includes(j);
      values[i * n + j] = values[j * n + i] = none ? NaN : value;
    }
  }
  return values;
}

/** What is kept of a matrix, as a job keeps it. */
function kept(values: Float32Array, n: number, k: number, pairs: number, invalid: number[] = []) {
  const [neighbours, top] = [new Neighbours(n, k), new TopPairs(pairs)];
  const all = { from: 0, count: n };
  const tile = { rows: all, columns: all, values: values as Float32Array<ArrayBuffer> };
  neighbours.add(tile);
  top.add(tile);
  const valid = Uint8Array.from({ length: n }, (_, i) => invalid.includes(i) ? 0 : 1);
  const { indices, values: nearest } = neighbours;
  const known: TopSimilarity = {
    ...{ n, valid, validPairs: pairsOf(valid), ...top.pairs },
    ...{ k: neighbours.k, indices, nearest },
  };
  return known;
}

function part(values: Float32Array, n: number, images: number[]): Float32Array {
  return Float32Array.from(
    { length: images.length ** 2 },
    (_, at) => values[images[Math.floor(at / images.length)] * n + images[at % images.length]],
  );
}

/** All weights, [n, n]. */
function weights(of: Positives): number[] {
  const all = Array.from({ length: of.n }, (_, i) => i);
  return [...batchPositives(of, all, all, { seed: 0, step: 0 })];
}

const sets = fc.record({
  n: fc.integer({ min: 2, max: 14 }),
  seed: fc.nat(10_000),
  steps: fc.constantFrom(2, 4, 1000),
  invalid: fc.uniqueArray(fc.nat(13), { maxLength: 3 }),
  pairs: fc.integer({ min: 1, max: 100 }),
  share: fc.double({ min: 0.001, max: 1, noNaN: true }),
  leftOut: fc.uniqueArray(fc.nat(13), { maxLength: 5 }),
});

Deno.test("a quantile's cut is that of the whole matrix, or cannot be told", () => {
  let told = 0;
  fc.assert(
    fc.property(sets, ({ n, seed, steps, invalid, pairs, share, leftOut }) => {
      const values = drawn(n, seed, steps, invalid);
      const images = [...Array(n).keys()].filter((i) => !leftOut.includes(i));
      const known = among(kept(values, n, 3, pairs, invalid), images);
      const cut = topQuantileCut(known, share);
      const whole = quantileCut(part(values, n, images), share);
      if (cut === undefined) {
        // Only where pairs are missing, or some that are equal to the last wanted may be.
        const wanted = Math.max(1, Math.round(share * known.validPairs));
        assert.ok(known.above !== null);
        assert.ok(wanted > known.values.length || known.values[wanted - 1] === known.above);
        return;
      }
      told++;
      const above = (value: number | null) =>
        part(values, n, images).map((v) => +(value !== null && v > value));
      assert.deepEqual(above(cut), above(whole.cut));
    }),
    { numRuns: 1000, seed: 7 },
  );
  assert.ok(told > 400, `${told} told`);
});

Deno.test("positives are those of the whole matrix, or refused with what can be used", () => {
  let told = 0;
  fc.assert(
    fc.property(
      sets,
      fc.constantFrom("gaze", "shuffled"),
      fc.constantFrom<Cut>({ top_k: 1 }, { top_k: 3 }, { quantile: 0.2 }, { threshold: 0.6 }),
      fc.boolean(),
      ({ n, seed, steps, invalid, pairs }, arm, cut, soft) => {
        const values = drawn(n, seed, steps, invalid);
        const place = arm === "gaze" ? undefined : permutation(n, seed, stream("shuffled"));
        const options = { cut, place, soft };
        let sparse: Positives;
        try {
          sparse = topPositives(kept(values, n, 3, pairs, invalid), options);
        } catch (error) {
          assert.ok(error instanceof InvalidInput && !("top_k" in cut));
          assert.equal(error.problems[0].pointer, "/cut");
          assert.match(error.message, /which allow (quantiles under|thresholds from)/);
          return;
        }
        told++;
        const dense = positives(values, options);
        assert.deepEqual(weights(sparse), weights(dense));
        assert.equal(sparse.pairs, dense.pairs);
        if ("top_k" in cut) assert.equal(sparse.cut, dense.cut);
      },
    ),
    { numRuns: 1000, seed: 8 },
  );
  assert.ok(told > 500, `${told} told`);
});

Deno.test("more neighbours than were kept are refused", () => {
  const known = kept(drawn(8, 1, 1000), 8, 3, 5);
  assert.throws(
    () => topPositives(known, { cut: { top_k: 4 } }),
    (error) => error instanceof InvalidInput && /top_k up to 3/.test(error.message),
  );
});

Deno.test("an audit of what was kept agrees with that of the whole matrix", () => {
  const n = 80;
  const labels = Array.from({ length: n }, (_, i) => i % 3 === 0 ? "malignant" : "benign");
  const values = drawn(n, 3, 1e6, [5, 6]);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) if (i !== j && labels[i] === labels[j]) values[i * n + j] += 0.2;
  }
  const known = kept(values, n, 10, 800, [5, 6]);
  const found = topAudit(known, { labels });
  const quantiles = found.cuts.flatMap(({ quantile }) => quantile ?? []);
  assert.ok(quantiles.length >= 2 && Math.max(...quantiles) <= 0.3);
  const whole = audit(values, { labels, quantiles });
  assert.equal(found.valid_pairs, whole.valid_pairs);
  assert.equal(found.coverage, whole.coverage);
  assert.deepEqual(found.labels!.classes, whole.labels!.classes);
  assert.ok(Math.abs(found.labels!.base_rate - whole.labels!.base_rate) < 1e-12);
  for (const cut of whole.cuts) {
    const same = found.cuts.find(({ quantile }) => quantile === cut.quantile)!;
    const { p: _, ...numbers } = same;
    const { p: __, ...expected } = cut;
    assert.deepEqual(numbers, expected);
  }
  assert.equal(found.labels!.auc, null);
  assert.ok(found.labels!.p <= 0.01);
  assert.ok(found.suggestion.quantile !== null || found.suggestion.top_k !== null);
  const nearest = found.cuts.find(({ top_k }) => top_k === 5)!;
  const dense = positives(values, { cut: { top_k: 5 } });
  assert.equal(nearest.pairs, dense.pairs);
});

Deno.test("an audit of what was kept calls chance by its name", () => {
  const n = 80;
  const labels = Array.from({ length: n }, (_, i) => i % 2 === 0 ? "a" : "b");
  const found = topAudit(kept(drawn(n, 4, 1e6), n, 10, 800), { labels });
  assert.match(found.warnings.join(), /no better than chance/);
  assert.equal(found.suggestion.quantile, null);
});

Deno.test("the nearest pairs stand by value, row and column, as a plain sort puts them", () => {
  let draws = 0;
  const random = () => uniform(5, draws++);
  const [n, k] = [5000, 3];
  // Few values, so that many pairs tie; both zeros, which are equal.
  const levels = [0.5, 0.25, 0, -0, -0.75];
  const indices = new Int32Array(n * k).fill(-1);
  const nearest = new Float32Array(n * k).fill(NaN);
  const wanted: [number, number, number][] = [];
  for (let i = 0; i < n; i++) {
    for (let at = 0; at < k - i % 2; at++) {
      const j = (i + 1 + 37 * (at + 1)) % n;
      indices[i * k + at] = j;
      nearest[i * k + at] = levels[Math.floor(random() * levels.length)];
      wanted.push([Math.min(i, j), Math.max(i, j), nearest[i * k + at]]);
    }
  }
  wanted.sort((a, b) => b[2] - a[2] || a[0] - b[0] || a[1] - b[1]);
  const found = nearestEdges({
    ...{ n, k, indices, nearest, valid: new Uint8Array(n).fill(1), validPairs: n * (n - 1) / 2 },
    ...{ rows: new Uint32Array(0), columns: new Uint32Array(0), values: new Float32Array(0) },
    above: 1,
  }, k);
  assert.equal(found.rows.length, wanted.length);
  wanted.forEach(([row, column, value], at) =>
    assert.ok(found.rows[at] === row && found.columns[at] === column && found.values[at] === value)
  );
});
