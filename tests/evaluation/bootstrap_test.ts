import assert from "node:assert/strict";
import { oneVersusRest } from "@/lib/evaluation/auc.ts";
import { bootstrap, pairedBootstrap, quantile } from "@/lib/evaluation/bootstrap.ts";
import { argmax, type Scores } from "@/lib/evaluation/scores.ts";
import { uniform } from "@/lib/random.ts";

const accuracy = ({ labels, probabilities }: Scores) =>
  labels.filter((label, i) => argmax(probabilities[i]) === label).length / labels.length;

/** `n` images of two classes, said right with probability `skill`. */
function classifier(n: number, skill: number, seed: number): Scores {
  const labels = Array.from({ length: n }, (_, i) => i % 2);
  return {
    classes: ["a", "b"],
    images: labels.map((_, i) => `i${i}`),
    labels,
    probabilities: labels.map((label, i) => {
      const right = uniform(seed, i) < skill;
      const p = 0.5 + 0.5 * uniform(seed, i, 1);
      return right === (label === 0) ? [p, 1 - p] : [1 - p, p];
    }),
  };
}

Deno.test("bootstrap of an accuracy is about as wide as the binomial interval", () => {
  const scores = classifier(400, 0.8, 1);
  const { value, low, high } = bootstrap(scores, accuracy, { resamples: 1000 })!;
  assert.equal(value, accuracy(scores));
  const half = 1.96 * Math.sqrt(value * (1 - value) / 400);
  assert.ok(Math.abs((high - low) / 2 - half) < 0.1 * half, `${low} to ${high}, half ${half}`);
  assert.deepEqual(bootstrap(scores, accuracy, { resamples: 1000 }), {
    value,
    low,
    high,
    resamples: 1000,
  });
});

Deno.test("paired bootstrap: equal classifiers differ by exactly 0, better ones do not include 0", () => {
  const a = classifier(300, 0.9, 2);
  const same = pairedBootstrap(a, a, accuracy, { resamples: 200 })!;
  assert.deepEqual([same.value, same.low, same.high], [0, 0, 0]);
  const better = pairedBootstrap(a, classifier(300, 0.6, 3), accuracy, { resamples: 500 })!;
  assert.ok(better.low > 0.15 && better.high < 0.45);
});

Deno.test("resamples in which a figure is undefined are left out and counted", () => {
  const few = classifier(4, 1, 4);
  const result = bootstrap(few, (scores) => oneVersusRest(scores, 0), { resamples: 400 })!;
  // A resample of 4 has one class only with probability 2 / 16.
  assert.ok(result.resamples > 320 && result.resamples < 380, `${result.resamples}`);
  assert.throws(() => pairedBootstrap(few, classifier(5, 1, 4), accuracy), /Cannot compare/);
});

Deno.test("quantile interpolates linearly", () => {
  assert.equal(quantile([0, 1, 2, 3], 0.5), 1.5);
  assert.equal(quantile([0, 10], 0.025), 0.25);
});
