import assert from "node:assert/strict";
import { auc } from "@/lib/evaluation/auc.ts";
import { calibrationError, metrics } from "@/lib/evaluation/metrics.ts";
import type { Scores } from "@/lib/evaluation/scores.ts";
import { near } from "@/tests/support/near.ts";
import fixture from "@/tests/fixtures/classification_metrics.json" with { type: "json" };

for (const { name, classes, labels, probabilities, positive, expected } of fixture.cases) {
  Deno.test(`metrics equal scikit-learn ${fixture.scikit_learn}: ${name}`, () => {
    const scores: Scores = {
      classes,
      labels,
      probabilities,
      images: labels.map((_, i) => `i${i}`),
    };
    const m = metrics(scores, positive);
    near(m.accuracy, expected.accuracy, "accuracy");
    near(m.balanced_accuracy, expected.balanced_accuracy, "balanced accuracy");
    near(m.confusion, expected.confusion, "confusion");
    near(m.f1_macro, expected.f1_macro, "macro F1");
    m.per_class.forEach((row, c) => {
      near(row.f1, expected.f1[c], `F1 of ${c}`);
      near(row.precision, expected.precision[c], `precision of ${c}`);
      near(row.specificity, expected.specificity[c], `specificity of ${c}`);
      near(row.sensitivity, row.images ? expected.sensitivity[c] : null, `sensitivity of ${c}`);
      const curve = m.precision_recall[row.label];
      near(
        curve?.average_precision ?? null,
        expected.average_precision[c],
        `precision area of ${c}`,
      );
    });
    if (!expected.ovr_each) {
      assert.equal(m.auc_macro_one_vs_rest, null);
      assert.equal(m.auc_macro_one_vs_one, null);
      return;
    }
    near(m.per_class.map((row) => row.auc_one_vs_rest), expected.ovr_each, "one-versus-rest");
    near(m.auc_macro_one_vs_rest, expected.auc_macro_ovr, "macro one-versus-rest");
    near(m.auc_macro_one_vs_one, expected.auc_macro_ovo, "macro one-versus-one");
    near(m.m_auc, expected.ovr_each.at(-1), "M-AUC");
    const roc = m.roc[positive]!;
    near(roc.false_positive_rate, expected.roc!.fpr, "ROC x");
    near(roc.true_positive_rate, expected.roc!.tpr, "ROC y");
    near(m.precision_recall[positive]!.precision, expected.pr!.precision, "PR precision");
    near(m.precision_recall[positive]!.recall, expected.pr!.recall, "PR recall");
  });
}

Deno.test("auc halves ties and is null without both sides", () => {
  assert.equal(auc([1, 0], [0.5, 0.5]), 0.5);
  assert.equal(auc([0, 0, 1], [1, 3, 2]), 0.5);
  assert.equal(auc([1, 1], [0.1, 0.2]), null);
});

Deno.test("calibration error by hand", () => {
  // Confidences 0.95, 0.95 (one right) and 0.65 (right): |1 - 1.9| + |1 - 0.65| over 3 images.
  const scores: Scores = {
    classes: ["a", "b"],
    images: ["x", "y", "z"],
    labels: [0, 1, 0],
    probabilities: [[0.95, 0.05], [0.95, 0.05], [0.65, 0.35]],
  };
  assert.ok(Math.abs(calibrationError(scores) - (0.9 + 0.35) / 3) < 1e-12);
});

Deno.test("metrics name the majority class and refuse an unknown positive class", () => {
  const scores: Scores = {
    classes: ["a", "b"],
    images: ["x", "y", "z"],
    labels: [1, 1, 0],
    probabilities: [[0, 1], [1, 0], [1, 0]],
  };
  assert.equal(metrics(scores).majority_class, "b");
  assert.equal(metrics(scores).majority_class_accuracy, 2 / 3);
  assert.throws(() => metrics(scores, "c"), /Cannot evaluate: "c"/);
});
