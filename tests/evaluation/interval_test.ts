/** Intervals and p values over runs: what they hold, how often, and the tests they stand for. */
import assert from "node:assert/strict";
import { studentQuantile } from "@/lib/evaluation/distributions.ts";
import { spreads } from "@/lib/evaluation/interval.ts";
import { quantile } from "@/lib/evaluation/quantile.ts";
import type { Scores } from "@/lib/evaluation/scores.ts";
import { WeightedFigures } from "@/lib/evaluation/weighted.ts";
import { below, normal } from "@/lib/random.ts";
import { near } from "@/tests/support/near.ts";

/** A test set of `n` images, half of them positive, that a run with this skill tells apart. */
function scored(n: number, skill: number, noise: (i: number) => number, first = 0): Scores {
  const labels = Array.from({ length: n }, (_, i) => i % 2);
  return {
    classes: ["benign", "malignant"],
    images: labels.map((_, i) => `image ${first + i}`),
    labels,
    probabilities: labels.map((label, i) => {
      const p = 1 / (1 + Math.exp(-noise(i) - skill * (label - 0.5)));
      return [1 - p, p];
    }),
  };
}

const ready = (scores: Scores, first = 0) =>
  new WeightedFigures(scores, scores.images.map((_, i) => first + i), "malignant");

/** The interval that stood here before: percentiles over drawn patients and drawn runs. */
function percentileOverRuns(runs: WeightedFigures[], units: number) {
  const drawn = Array.from({ length: RESAMPLES }, (_, r) => {
    const weights = new Uint16Array(units);
    for (let i = 0; i < units; i++) weights[below(units, 0, r, i)]++;
    const values = runs.map((run) => run.at(weights).auc);
    const chosen = runs.map((_, i) => values[below(runs.length, 1, r, i)]);
    return chosen.reduce<number>((sum, value) => sum + value!, 0) / runs.length;
  }).sort((a, b) => a - b);
  return { low: quantile(drawn, 0.025), high: quantile(drawn, 0.975) };
}

const SETS = 300;
const PATIENTS = 60;
const RESAMPLES = 60;

/** Share of simulated studies whose interval holds the true mean AUC: today's, the earlier one, and t over runs alone. */
function coverage(runs: number, { spread, shared }: { spread: number; shared: number }) {
  // AUC of a run with skill s is P(N(s, 2) > 0); of skills N(1.6, spread) it is P(N(1.6, 2 + spread^2) > 0).
  const truth = phi(1.6 / Math.sqrt(2 + spread ** 2));
  const held = { now: 0, before: 0, runs: 0 };
  for (let set = 0; set < SETS; set++) {
    const made = Array.from({ length: runs }, (_, r) => {
      const skill = 1.6 + spread * normal(5, set, r);
      const first = shared > 0 ? 0 : r * PATIENTS;
      // This share of the variance is the patient's own, the same in every run.
      const noise = (i: number) =>
        Math.sqrt(shared) * normal(7, set, i) + Math.sqrt(1 - shared) * normal(6, set, r, i);
      return ready(scored(PATIENTS, skill, noise, first), first);
    });
    const units = shared > 0 ? PATIENTS : runs * PATIENTS;
    const options = { run_kind: "seed" as const, resamples: RESAMPLES };
    const { low, high } = spreads(made, null, units, options).auc!;
    const old = percentileOverRuns(made, units);
    const values = made.map((run) => run.at(new Uint8Array(units).fill(1)).auc!);
    const mean = values.reduce((sum, value) => sum + value, 0) / runs;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (runs - 1);
    const half = studentQuantile(0.95, runs - 1) * Math.sqrt(variance / runs);
    if (low <= truth && truth <= high) held.now++;
    if (old.low <= truth && truth <= old.high) held.before++;
    if (Math.abs(mean - truth) <= half) held.runs++;
  }
  return { now: held.now / SETS, before: held.before / SETS, runs: held.runs / SETS };
}

/** P(Z < z), by Simpson's rule. */
function phi(z: number): number {
  const n = 2000;
  const f = (x: number) => Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
  let sum = f(0) + f(z);
  for (let i = 1; i < n; i++) sum += (i % 2 ? 4 : 2) * f(i * z / n);
  return 0.5 + sum * z / n / 3;
}


for (const runs of [3, 5, 10, 20]) {
  Deno.test(`of ${SETS} simulated studies of ${runs} seeds about 95 % hold the truth`, () => {
    console.log(runs, coverage(runs, { spread: 0.8, shared: 0 }));
    if (runs<11)console.log(runs, coverage(runs, { spread: 0.1, shared: 0.8 }));
  });
}
