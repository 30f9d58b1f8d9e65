import assert from "node:assert/strict";
import {
  endInterval,
  evaluationIntervals,
  resamplesFor,
} from "@/lib/evaluation/evaluation_intervals.ts";
import { metrics } from "@/lib/evaluation/metrics.ts";
import { quantile } from "@/lib/evaluation/quantile.ts";
import { BY_CLASS, RESAMPLED, Resampler } from "@/lib/evaluation/resampled.ts";
import { type Scores, take } from "@/lib/evaluation/scores.ts";
import { below, uniform } from "@/lib/random.ts";
import { near } from "@/tests/support/near.ts";

/** `n` images of classes "0", "1", ... on a coarse grid, so that many scores are equal. */
function drawScores(n: number, classes: number, seed: number): Scores {
  const labels = Array.from({ length: n }, (_, i) => below(classes, seed, i));
  return {
    classes: Array.from({ length: classes }, (_, c) => String(c)),
    images: labels.map((_, i) => `image ${i}`),
    labels,
    probabilities: labels.map((label, i) => {
      const raw = Array.from(
        { length: classes },
        (_, c) => 1 + below(5, seed, i, c) + (c === label ? below(6, seed, i, 99) : 0),
      );
      const total = raw.reduce((sum, value) => sum + value, 0);
      return raw.map((value) => value / total);
    }),
  };
}

Deno.test("every figure by weights is that of a set with copies", () => {
  for (const classes of [2, 4]) {
    const scores = drawScores(41, classes, 3);
    const units = scores.images.map((_, i) => i);
    const ranks = scores.classes.map((_, c) => c);
    const resampler = new Resampler(scores, { units, positive: "1", ranks });
    for (let trial = 0; trial < 10; trial++) {
      const weights = units.map((_, i) => below(4, 8, trial, i));
      const copies = metrics(take(scores, units.flatMap((i) => Array(weights[i]).fill(i))), "1");
      const { whole, by_class } = resampler.at(weights);
      for (const name of RESAMPLED) near(whole[name], copies[name], `${name}, trial ${trial}`);
      by_class.forEach((figures, c) => {
        for (const name of BY_CLASS) {
          near(figures[name], copies.per_class[c][name], `${name} of ${c}`);
        }
      });
    }
  }
});

Deno.test("an accuracy's interval is about as wide as the binomial one, and the same each time", () => {
  const labels = Array.from({ length: 400 }, (_, i) => i % 2);
  const scores: Scores = {
    classes: ["a", "b"],
    images: labels.map((_, i) => `i${i}`),
    labels,
    probabilities: labels.map((label, i) => {
      const p = 0.5 + 0.5 * uniform(1, i, 1);
      return (uniform(1, i) < 0.8) === (label === 0) ? [p, 1 - p] : [1 - p, p];
    }),
  };
  const units = labels.map((_, i) => i);
  const { intervals } = evaluationIntervals([scores], { units: [units], positive: null });
  const { accuracy } = metrics(scores);
  const [low, high] = intervals.figures.accuracy!;
  const half = 1.96 * Math.sqrt(accuracy * (1 - accuracy) / 400);
  assert.ok(Math.abs((high - low) / 2 - half) < 0.1 * half, `${low} to ${high}, half ${half}`);
  assert.ok(low < accuracy && accuracy < high);
  assert.deepEqual([intervals.units, intervals.figures.m_auc], [400, null]);
  assert.deepEqual(
    evaluationIntervals([scores], { units: [units], positive: null }).intervals,
    intervals,
  );
  // Patients of four images that say the same hold a quarter of the information.
  const few = units.map((i) => i >> 2);
  const same = take(scores, units.map((i) => (i >> 2) * 4 + 1));
  const wide = evaluationIntervals([same], { units: [few], positive: null }).intervals.figures;
  assert.ok(wide.accuracy![1] - wide.accuracy![0] > 1.6 * (high - low));
});

Deno.test("all right is no interval of width 0: what may be, by patients, still comes out so", () => {
  const perfect: Scores = {
    classes: ["a", "b"],
    images: ["w", "x", "y"],
    labels: [0, 1, 1],
    probabilities: [[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]],
  };
  const { figures } =
    evaluationIntervals([perfect], { units: [[0, 1, 2]], positive: null }).intervals;
  near(figures.accuracy, [0.025 ** (1 / 3), 1], "three of three: 29 % is possible");
  assert.equal(figures.auc_macro_one_vs_rest, null, "one patient on a side");
  near(endInterval(0, 5), [0, 1 - 0.025 ** (1 / 5)], "none of five (Clopper and Pearson)");
});

Deno.test("folds stand as they are: the mean's interval is over patients only", () => {
  const parts = [1, 2, 3].map((seed) => drawScores(40, 2, seed));
  const units = parts.map((part, p) => part.images.map((_, i) => 40 * p + i));
  const { mean, figures } = evaluationIntervals(parts, { units, positive: "1" }).intervals;
  const value = (name: "accuracy") =>
    parts.reduce((sum, part) => sum + metrics(part)[name] / parts.length, 0);
  const [low, high] = mean!.accuracy!;
  assert.ok(low < value("accuracy") && value("accuracy") < high);
  const width = figures.accuracy![1] - figures.accuracy![0];
  assert.ok(Math.abs((high - low) / width - 1) < 0.1, "folds of one size: as that of all images");
});

Deno.test("very large sets get fewer resamples, never under 200", () => {
  assert.deepEqual([resamplesFor(100), resamplesFor(1e6), resamplesFor(1e9)], [2000, 200, 200]);
  assert.equal(resamplesFor(1e5), 500);
});

Deno.test("quantile interpolates linearly", () => {
  assert.equal(quantile([0, 1, 2, 3], 0.5), 1.5);
  assert.equal(quantile([0, 10], 0.025), 0.25);
});
