/** Positive pairs: cuts against a sorted list of the pairs, arms, and the draw of pairs that stay. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type ArmName, arms } from "@/lib/gaze/arms/mod.ts";
import {
  batchPositives,
  type Cut,
  keepsPair,
  type Positives,
  positives,
  withoutPairs,
} from "@/lib/gaze/positives.ts";
import { quantileCut } from "@/lib/gaze/pair_quantile.ts";
import { keyOf, sortKeys, valueOf } from "@/lib/gaze/radix_sort.ts";

/** Symmetric matrix of the upper half's values, row by row. */
function matrixOf(n: number, upper: number[]): Float32Array {
  const values = new Float32Array(n * n).fill(1);
  let at = 0;
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) values[i * n + j] = values[j * n + i] = upper[at++];
  }
  return values;
}

function pairsOf(values: Float32Array, n: number): { i: number; j: number; value: number }[] {
  const pairs = [];
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) {
      const value = values[i * n + j];
      if (!Number.isNaN(value)) pairs.push({ i, j, value });
    }
  }
  return pairs;
}

/** Matrices of similarities with ties, negatives, both zeros and invalid pairs. */
const matrices = fc.integer({ min: 2, max: 9 }).chain((n) =>
  fc.record({
    n: fc.constant(n),
    values: fc.array(
      fc.oneof(
        { weight: 4, arbitrary: fc.float({ min: -1, max: 1, noNaN: true }) },
        { weight: 4, arbitrary: fc.constantFrom(0, -0, 0.25, 0.5, 1) },
        { weight: 1, arbitrary: fc.constant(NaN) },
      ),
      { minLength: n * (n - 1) / 2, maxLength: n * (n - 1) / 2 },
    ).map((upper) => matrixOf(n, upper)),
  })
);

const gaze = (cut: Cut) => ({ cut });

Deno.test("floats sort by their keys", () => {
  fc.assert(
    fc.property(fc.array(fc.float({ noNaN: true })), (list) => {
      const keys = sortKeys(Uint32Array.from(list, keyOf));
      assert.deepEqual([...keys].map(valueOf), [...Float32Array.from(list).sort()]);
    }),
    { numRuns: 500, seed: 1 },
  );
  const many = Uint32Array.from({ length: 20_000 }, (_, i) => Math.imul(i, 2654435761));
  assert.deepEqual(sortKeys(many.slice()), many.slice().sort());
});

Deno.test("a quantile cuts where the sorted pairs say; ties stand or fall together", () => {
  fc.assert(
    fc.property(matrices, fc.double({ min: 0.01, max: 1, noNaN: true }), ({ n, values }, share) => {
      const sorted = pairsOf(values, n).map(({ value }) => value).sort((a, b) => b - a);
      const { cut, valid } = quantileCut(values, share);
      assert.equal(valid, sorted.length);
      if (cut === null) return assert.equal(valid, 0);
      const wanted = Math.max(1, Math.min(valid, Math.round(share * valid)));
      const above = sorted.filter((value) => value > cut).length;
      assert.ok(above >= 1);
      // No other cut comes closer to the wanted number without leaving no pair at all.
      const possible = new Set(
        sorted.map((value) => sorted.filter((other) => other >= value).length),
      );
      const nearest = Math.min(...[...possible].map((count) => Math.abs(count - wanted)));
      assert.equal(Math.abs(above - wanted), nearest);
      const { pairs, cut: used } = positives(values, gaze({ quantile: share }));
      assert.equal(pairs, above);
      // The cut that is reported gives the same pairs as a threshold.
      assert.deepEqual(
        positives(values, gaze({ threshold: used! })).matrix,
        positives(values, gaze({ quantile: share })).matrix,
      );
    }),
    { numRuns: 500, seed: 2 },
  );
});

Deno.test("every arm: symmetric, the diagonal 1, shuffled with as many pairs as gaze", () => {
  const cuts = fc.constantFrom<Cut>({ quantile: 0.3 }, { threshold: 0.4 }, { top_k: 2 });
  fc.assert(
    fc.property(matrices, cuts, fc.nat(99), fc.boolean(), ({ n, values }, cut, seed, soft) => {
      const labels = Array.from({ length: n }, (_, i) => i % 3 === 0 ? null : `${i % 2}`);
      const all = Array.from({ length: n }, (_, i) => i);
      const of = (arm: ArmName) => {
        const made = arms[arm].positives({
          ...{ n, seed, labels, patients: labels },
          cut: (place) => positives(values, { cut, place, soft }),
        });
        return { ...made, matrix: batchPositives(made, all, all, { seed, step: 0 }) };
      };
      for (const arm of Object.keys(arms) as ArmName[]) {
        const { matrix } = of(arm);
        for (let i = 0; i < n; i++) {
          assert.equal(matrix[i * n + i], 1);
          for (let j = 0; j < n; j++) assert.equal(matrix[i * n + j], matrix[j * n + i]);
        }
      }
      assert.equal(of("none").pairs + of("self").pairs, 0);
      if (!soft) assert.equal(of("shuffled").pairs, of("gaze").pairs);
      assert.deepEqual(of("shuffled").matrix, of("shuffled").matrix);
    }),
    { numRuns: 500, seed: 3 },
  );
});

/** The same pairs by compressed rows. */
function compressed(
  { matrix, n, ...rest }: Positives & { matrix: Float32Array | Uint8Array },
): Positives {
  const rowPointers = new Uint32Array(n + 1);
  const columns: number[] = [], values: number[] = [];
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      if (j === i || matrix[i * n + j] === 0) continue;
      columns.push(j);
      values.push(matrix[i * n + j]);
    }
    rowPointers[i + 1] = columns.length;
  }
  const all = { rowPointers, columns: Uint32Array.from(columns) };
  return { ...rest, n, matrix: { ...all, values: Float32Array.from(values) } };
}

Deno.test("pairs that are left out are gone on both sides, and counted; alike for rows that are compressed", () => {
  fc.assert(
    fc.property(matrices, fc.boolean(), ({ n, values }, soft) => {
      const all = Array.from({ length: n }, (_, i) => i);
      const leaves = (i: number, j: number) => i % 2 === j % 2;
      const whole = positives(values, { cut: { quantile: 0.5 }, soft });
      const rest = withoutPairs(whole, leaves);
      const [before, after] = [whole, rest].map((made) =>
        batchPositives(made, all, all, { seed: 0, step: 0 })
      );
      let pairs = 0;
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < n; j++) {
          const kept = i === j || !leaves(i, j);
          assert.equal(after[i * n + j], kept ? before[i * n + j] : 0);
          if (i < j && after[i * n + j] > 0) pairs++;
        }
      }
      assert.equal(rest.pairs, pairs);
      const sparse = withoutPairs(compressed(whole), leaves);
      assert.equal(sparse.pairs, pairs);
      assert.deepEqual(batchPositives(sparse, all, all, { seed: 0, step: 0 }), after);
      assert.deepEqual(batchPositives(whole, all, all, { seed: 0, step: 0 }), before, "a copy");
    }),
    { numRuns: 200, seed: 5 },
  );
});

Deno.test("threshold is strict; soft weights are the similarities; labels pair a class", () => {
  const values = matrixOf(3, [0.5, 0.75, NaN]);
  assert.deepEqual([...positives(values, gaze({ threshold: 0.5 })).matrix], [
    1,
    0,
    1,
    0,
    1,
    0,
    1,
    0,
    1,
  ]);
  const soft = positives(values, { ...gaze({ threshold: 0.4 }), soft: true });
  assert.deepEqual([...soft.matrix], [1, 0.5, 0.75, 0.5, 1, 0, 0.75, 0, 1]);
  const cut = () => positives(values, gaze({ threshold: 0 }));
  const labelled = (labels: (string | null)[]) =>
    batchPositives(
      arms.labels.positives({ n: 3, seed: 1, labels, patients: [], cut }),
      ...[[0, 1, 2], [0, 1, 2], { seed: 1, step: 0 }] as const,
    );
  assert.deepEqual([...labelled(["a", null, "a"])], [1, 0, 1, 0, 1, 0, 1, 0, 1]);
  assert.throws(
    () => labelled(["a"]),
    /Cannot pair by labels: 3 labels expected, got 1/,
  );
});

Deno.test("top k: the most similar of each, counted from either side", () => {
  // 0 is nearest to 1, 1 to 2, 2 to 1, 3 to 0.
  const values = matrixOf(4, [0.6, 0.1, 0.3, 0.9, 0.2, NaN]);
  const { matrix, pairs, cut } = positives(values, gaze({ top_k: 1 }));
  assert.equal(pairs, 3);
  assert.deepEqual([matrix[1], matrix[4 + 2], matrix[3]], [1, 1, 1]);
  assert.equal(cut, Math.fround(0.3));
});

Deno.test("the drop is drawn afresh each step, alike for both sides, at its rate", () => {
  let kept = 0;
  let changed = 0;
  for (let i = 0; i < 100; i++) {
    for (let j = i + 1; j < 100; j++) {
      const first = keepsPair(i, j, 0.3, 5, 0);
      assert.equal(first, keepsPair(j, i, 0.3, 5, 0));
      if (first) kept++;
      if (first !== keepsPair(i, j, 0.3, 5, 1)) changed++;
    }
    assert.ok(keepsPair(i, i, 1, 5, 0));
  }
  assert.ok(Math.abs(kept / 4950 - 0.7) < 0.03, `${kept}`);
  assert.ok(Math.abs(changed / 4950 - 0.42) < 0.03, `${changed}`);
});

Deno.test("a batch takes its rows and columns, none for empty places", () => {
  const all = positives(matrixOf(3, [0.9, 0.1, 0.8]), gaze({ threshold: 0.5 }));
  const weights = batchPositives(all, [1, 0], [0, -1, 2, 1], { seed: 1, step: 0 });
  assert.deepEqual([...weights], [1, 0, 1, 1, 1, 0, 0, 1]);
  const dropped = batchPositives(all, [1, 0], [0, -1, 2, 1], { drop: 1, seed: 1, step: 0 });
  assert.deepEqual([...dropped], [0, 0, 0, 1, 1, 0, 0, 0]);
});

Deno.test("every arm that is a control names an arm, and one arm is what others are compared with", () => {
  for (const { control } of Object.values(arms)) assert.ok(!control || control.of in arms);
  assert.equal(Object.values(arms).filter(({ baseline }) => baseline).length, 1);
});
