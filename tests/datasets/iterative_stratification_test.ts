/** Splits of a multi-label set: each finding in its share on every side, patients whole. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { withFewLabels } from "@/lib/datasets/few_labels.ts";
import { iterativeDeal } from "@/lib/datasets/iterative_stratification.ts";
import { holdOut, kFolds, type SplitImage } from "@/lib/datasets/splits.ts";
import { uniform } from "@/lib/random.ts";

const NAMES = ["common", "half", "rare"];
const SHARES = [0.6, 0.3, 0.08];

/** Images of patients of one to three, with findings of these frequencies, some not known. */
function setOf(n: number, seed = 1): SplitImage[] {
  return Array.from({ length: n }, (_, i) => ({
    name: `i${String(i).padStart(3, "0")}`,
    label: null,
    findings: Object.fromEntries(
      NAMES.flatMap((name, k) =>
        uniform(seed, i, k, 1) < 0.1 ? [] : [[name, uniform(seed, i, k) < SHARES[k] ? 1 : 0]]
      ),
    ) as Record<string, 0 | 1>,
    patient: i % 3 === 0 ? null : `p${Math.floor(i / 3)}`,
    split: null,
  }));
}

const countOf = (set: SplitImage[], part: number[], name: string) =>
  part.filter((i) => set[i].findings?.[name] === 1).length;

Deno.test("every part has each finding in its share, the rare one too", () => {
  const set = setOf(300);
  for (const seed of [0, 1, 2]) {
    const [{ train, validation, test }] = holdOut(set, { test: 0.2, validation: 0.2, seed });
    for (const name of NAMES) {
      const all = countOf(set, set.map((_, i) => i), name);
      for (const [part, share] of [[train, 0.6], [validation, 0.2], [test, 0.2]] as const) {
        const off = Math.abs(countOf(set, part, name) - share * all);
        assert.ok(off <= 3, `seed ${seed}, ${name}: ${off} off`);
      }
    }
  }
  const folds = kFolds(set, { folds: 4, validation: 0.2, seed: 0 });
  const rare = folds.map(({ test }) => countOf(set, test, "rare"));
  assert.ok(Math.max(...rare) - Math.min(...rare) <= 2, String(rare));
});

Deno.test("patients stand on one side, every image once, and the seed decides", () => {
  fc.assert(
    fc.property(fc.integer({ min: 12, max: 80 }), fc.nat(), (n, seed) => {
      const set = setOf(n, seed);
      const [split] = holdOut(set, { test: 0.25, validation: 0.25, seed });
      const parts = [split.train, split.validation, split.test];
      assert.deepEqual(parts.flat().sort((a, b) => a - b), set.map((_, i) => i));
      const sides = new Map<string, number>();
      parts.forEach((part, side) =>
        part.forEach((i) => {
          const { patient } = set[i];
          if (patient === null) return;
          assert.equal(sides.get(patient) ?? side, side);
          sides.set(patient, side);
        })
      );
      assert.deepEqual(holdOut(set, { test: 0.25, validation: 0.25, seed }), [split]);
    }),
    { numRuns: 50 },
  );
  const set = setOf(60);
  const tests = [0, 1].map((seed) => holdOut(set, { test: 0.2, validation: 0.2, seed })[0].test);
  assert.notDeepEqual(tests[0], tests[1]);
});

Deno.test("the rarest finding is dealt first, each time where most of it is missing", () => {
  const groups = Array.from({ length: 8 }, (_, i) => ({ images: [i] }));
  const findings = [["a", "b"], ["a", "b"], ["a"], ["a"], ["a"], ["a"], [], []];
  const parts = iterativeDeal(groups, (i) => findings[i], [0.5, 0.5]);
  const of = (name: string) =>
    parts.map((part) => part.filter(({ images: [i] }) => findings[i].includes(name)).length);
  assert.deepEqual([of("b"), of("a"), parts.map((part) => part.length)], [[1, 1], [3, 3], [4, 4]]);
});

Deno.test("few labels: as many as asked for, whole patients, findings in their shares", () => {
  const set = setOf(200);
  const [split] = holdOut(set, { test: 0.2, validation: 0.2, seed: 3 });
  for (const labels of [20, 37]) {
    const { train, test } = withFewLabels(set, split, { labels, seed: 3, repeat: 0 });
    assert.equal(train.length, labels);
    assert.deepEqual(test, split.test);
    const drawn = new Set(train);
    for (const i of split.train) {
      if (drawn.has(i) || set[i].patient === null) continue;
      assert.ok(!train.some((j) => set[j].patient === set[i].patient));
    }
    const share = countOf(set, train, "common") / labels;
    const whole = countOf(set, split.train, "common") / split.train.length;
    assert.ok(Math.abs(share - whole) < 0.12, `${share} of ${whole}`);
  }
  assert.throws(
    () => withFewLabels(set, split, { labels: 500, seed: 3, repeat: 0 }),
    /the training part has/,
  );
});
