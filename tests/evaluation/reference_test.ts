/** Figures beside classification_metrics.json's: calibration, Brier, micro AUC, ordinal ones. */
import { classRanks } from "@/lib/evaluation/ordinal.ts";
import assert from "node:assert/strict";
import { metrics } from "@/lib/evaluation/metrics.ts";
import { near } from "@/tests/support/near.ts";
import fixture from "@/tests/fixtures/statistics.json" with { type: "json" };

for (const { name, classes, labels, probabilities, ...expected } of fixture.cases) {
  Deno.test(`calibration, Brier, micro AUC, MAE, kappa equal the references: ${name}`, () => {
    const found = metrics({
      classes,
      labels,
      probabilities,
      images: labels.map((_, i) => `i${i}`),
    });
    near(found.auc_micro_one_vs_rest, expected.micro, "micro AUC");
    near(found.mean_absolute_error, expected.mae, "MAE");
    near(found.quadratic_weighted_kappa, expected.kappa, "kappa");
    near(found.brier_score, expected.brier, "Brier");
    classes.forEach((label, c) => {
      const of = expected.calibration[c];
      near(found.per_class[c].brier_score, of.brier, `Brier of ${label}`);
      const { bins, intercept, slope, intercept_in_the_large } = found.calibration![label];
      const filled = bins.filter(({ images }) => images > 0);
      near(filled.map(({ share }) => share), of.share, `shares of ${label}`);
      near(filled.map(({ mean_probability }) => mean_probability), of.mean, `means of ${label}`);
      near([intercept, slope, intercept_in_the_large], of.cox, `regression of ${label}`);
      assert.equal(bins.reduce((sum, { images }) => sum + images, 0), labels.length);
    });
  });
}

Deno.test("classes are ordered by the value of their names, and only where all are numbers", () => {
  assert.deepEqual(classRanks(["0", "1", "10", "2"]), [0, 1, 3, 2]);
  assert.deepEqual(classRanks(["-1", "0.5"]), [0, 1]);
  for (const classes of [["benign", "malignant"], ["c0", "c1"], ["1", "2", ""], ["1", "1.0"]]) {
    assert.equal(classRanks(classes), null, String(classes));
  }
});

Deno.test("a regression that has no maximum is null, and so are empty bins", () => {
  const found = metrics({
    classes: ["a", "b"],
    images: ["w", "x", "y", "z"],
    labels: [0, 0, 1, 1],
    probabilities: [[0.9, 0.1], [0.7, 0.3], [0.4, 0.6], [0, 1]],
  });
  const { slope, intercept, intercept_in_the_large, bins } = found.calibration!.b;
  assert.deepEqual([slope, intercept], [null, null]);
  assert.ok(Number.isFinite(intercept_in_the_large));
  assert.deepEqual([bins[1].share, bins[1].mean_probability], [null, null]);
});

Deno.test("what is no finite number is refused by name, never counted as the first class", () => {
  for (const bad of [NaN, Infinity]) {
    assert.throws(
      () =>
        metrics({
          classes: ["a", "b"],
          images: ["x", "y"],
          labels: [0, 1],
          probabilities: [[0.5, 0.5], [bad, 0.5]],
        }),
      /Cannot evaluate: the probability of "a" for image "y" is (NaN|Infinity)/,
    );
  }
});
