/** The audit of pairs: exact against sums over all pairs, fair under chance, plain about what it finds. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { auc } from "@/lib/evaluation/auc.ts";
import { audit, countsOf } from "@/lib/gaze/audit.ts";
import { aucOfPairs } from "@/lib/gaze/permutation_test.ts";
import { suggestMeasure } from "@/lib/gaze/suggestion.ts";
import { uniform } from "@/lib/random.ts";

/** Similarities drawn by `seed`, `gain` higher where the labels agree; `steps` makes ties. */
function drawn(labels: (string | null)[], seed: number, gain = 0, steps = 0): Float32Array {
  const n = labels.length;
  const values = new Float32Array(n * n).fill(1);
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) {
      const value = uniform(seed, i, j) * 0.8 + (labels[i] === labels[j] ? gain : 0);
      values[i * n + j] = values[j * n + i] = steps ? Math.floor(value * steps) / steps : value;
    }
  }
  return values;
}

const classes = (n: number) =>
  Array.from({ length: n }, (_, i) => i % 3 === 0 ? "malignant" : "benign");

Deno.test("AUC over pairs equals the one by ranks, with ties and unknown labels", () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom("a", "b", "c", null), { minLength: 2, maxLength: 14 }),
      fc.nat(1000),
      fc.constantFrom(0, 3, 10),
      (labels, seed, steps) => {
        const n = labels.length;
        const values = drawn(labels, seed, 0.1, steps);
        const same: boolean[] = [];
        const scores: number[] = [];
        for (let i = 0; i < n; i++) {
          for (let j = i + 1; j < n; j++) {
            if (uniform(seed, 7, i, j) < 0.1) values[i * n + j] = values[j * n + i] = NaN;
            if (labels[i] === null || labels[j] === null || Number.isNaN(values[i * n + j])) {
              continue;
            }
            same.push(labels[i] === labels[j]);
            scores.push(values[i * n + j]);
          }
        }
        const expected = auc(same, scores);
        const got = aucOfPairs(values, labels);
        if (expected === null) assert.equal(got, null);
        else assert.ok(Math.abs(got! - expected) < 1e-12);
      },
    ),
    { numRuns: 500, seed: 4 },
  );
});

Deno.test("an audit counts pairs, positives per image, hubs and precision", () => {
  // 0 is a hub; 3 has no valid gaze.
  const labels = ["a", "a", "b", "b"];
  const values = new Float32Array([
    1,
    0.9,
    0.8,
    NaN,
    0.9,
    1,
    0.1,
    NaN,
    0.8,
    0.1,
    1,
    NaN,
    NaN,
    NaN,
    NaN,
    1,
  ]);
  const { images, valid_images, coverage, valid_pairs, cuts: [one] } = audit(values, {
    labels,
    quantiles: [2 / 3],
  });
  assert.deepEqual([images, valid_images, coverage, valid_pairs], [4, 3, 0.75, 3]);
  assert.equal(one.pairs, 2);
  assert.deepEqual(one.positives_per_image, { min: 1, median: 1, mean: 4 / 3, max: 2 });
  assert.deepEqual(one.hubs[0], { image: 0, positives: 2 });
  assert.equal(one.images_without, 0);
  assert.equal(one.hub_share, 0.5);
  assert.equal(one.precision, 0.5);
  assert.ok(Math.abs(one.lift! - 0.5 / (1 / 3)) < 1e-12);
});

Deno.test("pairs that follow the labels are found, and a cut is suggested", () => {
  const labels = classes(60);
  const found = audit(drawn(labels, 1, 0.15), { labels });
  assert.ok(found.labels!.auc! > 0.6 && found.labels!.auc! < 0.8);
  assert.ok(found.labels!.p <= 0.01 && found.labels!.auc_p! <= 0.01);
  assert.ok(found.suggestion.quantile !== null);
  const chosen = found.cuts.find(({ quantile }) => quantile === found.suggestion.quantile)!;
  assert.ok(chosen.lift! > 1.2 && chosen.p! <= 0.05);
  assert.match(found.suggestion.reasons[0], /of the pairs share a label/);
  assert.deepEqual(found.warnings, []);
  assert.equal(found.labels!.permutations, 999);
});

Deno.test("pairs no better than chance are called that", () => {
  const labels = classes(60);
  const found = audit(drawn(labels, 2), { labels });
  assert.equal(found.suggestion.quantile, null);
  assert.match(found.warnings.join(), /no better than chance/);
});

Deno.test("under chance, p-values are small as seldom as they should be", () => {
  const labels = classes(24);
  const runs = 100;
  let small = 0;
  for (let seed = 0; seed < runs; seed++) {
    const { labels: result } = audit(drawn(labels, 100 + seed), { labels, seed });
    if (result!.p < 0.1) small++;
  }
  // Binomial(100, 0.1): 22 or more has a probability under 0.0005.
  assert.ok(small < 22, `${small} of ${runs} below 0.1`);
  assert.ok(small > 0, "the test never rejects");
});

Deno.test("without labels a cut is suggested by how many images it reaches", () => {
  const found = audit(drawn(classes(50), 3));
  assert.equal(found.labels, null);
  const chosen = found.cuts.find(({ quantile }) => quantile === found.suggestion.quantile)!;
  assert.ok(chosen.images_without <= 10);
  assert.ok(
    found.cuts.filter(({ quantile }) => quantile! < chosen.quantile!).every((cut) =>
      cut.images_without > 10
    ),
  );
  assert.match(found.suggestion.reasons[1], /no labels/);
});

Deno.test("labels of one class, and no valid pair, are no trouble", () => {
  const one = audit(drawn(["a", "a", "a"], 1), { labels: ["a", "a", "a"] });
  assert.equal(one.labels, null);
  assert.equal(one.cuts[0].precision, null);
  const none = audit(new Float32Array(9).fill(NaN), { labels: ["a", "b", "a"] });
  assert.equal(none.valid_pairs, 0);
  assert.match(none.warnings[0], /No pair of images has valid gaze/);
  assert.deepEqual(audit(new Float32Array(0)).cuts, []);
});

Deno.test("of several measures the one that is least likely by chance is suggested", () => {
  const labels = classes(60);
  const audits = {
    moments: audit(drawn(labels, 2), { labels }),
    multimatch: audit(drawn(labels, 1, 0.15), { labels }),
    dhash: audit(drawn(labels, 5, 0.05), { labels }),
  };
  assert.equal(suggestMeasure(audits)!.measure, "multimatch");
  assert.equal(suggestMeasure({ moments: audits.moments }), null);
});

Deno.test("a cut that holds more right pairs at a much lower precision is not suggested", () => {
  // Two classes of equal size: the first 10 % are right, then 0.86 of the first half.
  const labels = Array.from({ length: 60 }, (_, i) => i % 2 === 0 ? "a" : "b");
  const n = labels.length;
  const values = new Float32Array(n * n).fill(1);
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) {
      const same = labels[i] === labels[j];
      const u = uniform(3, i, j);
      // Shares of all pairs, of which each kind is a half.
      const [best, middle] = same ? [0.2, 0.86] : [0, 0.14];
      const level = u < best ? 0.7 : u < middle ? 0.4 : 0.1;
      values[i * n + j] = values[j * n + i] = level + 0.2 * uniform(4, i, j);
    }
  }
  const { suggestion, cuts } = audit(values, { labels });
  const at = (share: number) => cuts.find(({ quantile }) => quantile === share)!;
  assert.ok(
    at(0.5).precision! > 0.8 && at(0.5).p! < 0.05,
    "better than chance, with more right pairs",
  );
  assert.ok(suggestion.quantile !== null && suggestion.quantile < 0.5, `${suggestion.quantile}`);
});

Deno.test("images are counted by labels of any name", () => {
  const counts = countsOf(["constructor", null, "x", "constructor"]);
  assert.deepEqual(Object.entries(counts), [["constructor", 2], ["x", 1]]);
});
