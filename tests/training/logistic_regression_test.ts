/** The probe's regression against scikit-learn's values (`tests/fixtures/logistic_reference.py`). */
import assert from "node:assert/strict";
import { classWeights } from "@/lib/training/finetuner.ts";
import {
  logisticRegression,
  standardisation,
  standardised,
} from "@/lib/training/logistic_regression.ts";
import { softmax } from "@/lib/inference/evaluator.ts";
import reference from "../fixtures/logistic_regression.json" with { type: "json" };

function close(actual: number, expected: number, what: string): void {
  const error = Math.abs(actual - expected) / Math.max(1, Math.abs(expected));
  assert.ok(error < 2e-6, `${what}: ${actual} instead of ${expected}`);
}

for (const { name, c, balanced, features, labels, ...expected } of reference.cases) {
  Deno.test(`as scikit-learn: ${name}`, async () => {
    const classes = Math.max(...labels) + 1;
    const scale = standardisation(features);
    const perClass = classWeights(labels, classes, balanced ? "balanced" : "none");
    const fit = await logisticRegression(standardised(features, scale), labels, classes, {
      c,
      weights: labels.map((label) => perClass[label]),
    });
    assert.ok(fit.gradient <= 1e-9);
    if (classes === 2) {
      expected.coefficients[0].forEach((w, f) => {
        close(fit.weights[1][f] - fit.weights[0][f], w, `weight ${f}`);
      });
      close(fit.bias[1] - fit.bias[0], expected.intercepts[0], "intercept");
    } else {
      expected.coefficients.forEach((row, k) =>
        row.forEach((w, f) => close(fit.weights[k][f], w, `weight ${k}, ${f}`))
      );
      expected.intercepts.forEach((b, k) => close(fit.bias[k], b, `intercept ${k}`));
    }
    expected.new.forEach((row, i) => {
      const x = standardised([row], scale);
      const p = softmax(
        fit.weights.map((w, k) => w.reduce((z, v, f) => z + v * x[f], fit.bias[k])),
      );
      p.forEach((value, k) => close(value, expected.probabilities[i][k], `probability ${i}, ${k}`));
    });
  });
}

Deno.test("separable classes and a single feature converge, and whoever asks may stop it", async () => {
  const fit = await logisticRegression(Float64Array.of(-1, -1, 1, 1), [0, 0, 1, 1], 2, { c: 1e6 });
  assert.ok(fit.weights[1][0] > 5 && Math.abs(fit.bias[1]) < 1e-9);
  const stopped = logisticRegression(Float64Array.of(-1, 1), [0, 1], 2, {
    c: 1,
    between: () => Promise.reject(new Error("stop")),
  });
  await assert.rejects(stopped, /stop/);
});
