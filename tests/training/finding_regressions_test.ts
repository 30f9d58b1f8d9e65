/** The probe of a multi-label set: scikit-learn's regression of each finding, over the images of which it is known. */
import assert from "node:assert/strict";
import type { Truth } from "@/lib/evaluation/scores.ts";
import { positiveWeights } from "@/lib/training/finetuner.ts";
import { standardisation, standardised } from "@/lib/training/logistic_regression.ts";
import { findingRegressions } from "@/lib/training/probe.ts";
import { trainingPartWarnings } from "@/lib/training/training_part.ts";
import reference from "../fixtures/multi_label.json" with { type: "json" };

for (const [i, known] of reference.regressions.entries()) {
  Deno.test(`regressions ${i}: scikit-learn's coefficients and intercepts`, async () => {
    const x = standardised(known.features, standardisation(known.features));
    const fit = await findingRegressions(x, known.truths as Truth[][], {
      c: known.c,
      positive: known.positive,
    });
    known.coefficients.forEach((row, k) => {
      row.forEach((w, f) => assert.ok(Math.abs(fit.weights[k][f] - w) < 1e-5, `${k} ${f}`));
      assert.ok(Math.abs(fit.bias[k] - known.intercepts[k]) < 1e-5);
    });
    assert.ok(fit.gradient <= 1e-9);
  });
}

Deno.test("a finding of one side has no weights, and a bias that says so", async () => {
  const x = Float64Array.of(-1, 0, 1, 2);
  const fit = await findingRegressions(x, [[1, null], [1, null], [1, 0], [null, 1]], {
    c: 1,
    positive: [1, 1],
  });
  assert.deepEqual([...fit.weights[0]], [0]);
  assert.equal(fit.bias[0], Math.log(3.5 / 0.5));
  assert.ok(fit.weights[1][0] > 0);
});

Deno.test("weights of what is present: those given, or absent over present", () => {
  const truths: Truth[][] = [[1, 0, null], [0, 0, 1], [0, 0, 1], [0, null, 1]];
  const classes = ["a", "b", "c"];
  assert.deepEqual(positiveWeights(truths, classes, "none"), [1, 1, 1]);
  assert.deepEqual(positiveWeights(truths, classes, "balanced"), [3, 1, 1]);
  assert.deepEqual(positiveWeights(truths, classes, { b: 2.5 }), [1, 2.5, 1]);
  assert.deepEqual(positiveWeights([[1], [0]], ["constructor"], { b: 2.5 }), [1]);
});

Deno.test("findings that a part knows on one side only are named", () => {
  const truths: Truth[][] = [[1, 0], [0, null], [1, 1], [0, 1]];
  const told = trainingPartWarnings([{ train: [0, 1], validation: [2, 3] }], {
    truths,
    classes: ["a", "b"],
  });
  assert.equal(told.length, 2);
  assert.match(told[0], /none of the 2 training images has "b"/);
  assert.match(told[1], /2 validation images do not hold both sides of "b"/);
});

Deno.test("of drawings each is warned of by its own training images, their validation once", () => {
  const truths: Truth[][] = [[1, 0], [0, 0], [1, 1], [0, 1]];
  const drawings = [{ train: [0, 1], validation: [2] }, { train: [2, 3], validation: [2] }];
  const told = trainingPartWarnings(drawings, { truths, classes: ["a", "b"] }, "Repeat");
  assert.equal(told.length, 3);
  assert.match(told[0], /^Repeat 0: none of the 2 training images has "b"/);
  assert.match(told[1], /^the 1 validation images do not hold both sides of "a", "b"/);
  assert.match(told[2], /^Repeat 1: none of the 2 training images is known to lack "b"/);
});
