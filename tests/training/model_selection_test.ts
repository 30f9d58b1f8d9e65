import assert from "node:assert/strict";
import { isBetter, validate, type Validation } from "@/lib/training/model_selection.ts";
import { classWeights } from "@/lib/training/finetuner.ts";

const figures = (auc: number | null, loss: number, accuracy = 0.5): Validation => ({
  auc,
  loss,
  accuracy,
  balanced_accuracy: 0.5,
});

Deno.test("the chosen figure decides, the loss where it is equal or undefined", () => {
  assert.ok(isBetter(figures(0.9, 2), figures(0.8, 1), "auc"));
  assert.ok(!isBetter(figures(0.8, 1), figures(0.9, 2), "auc"));
  assert.ok(isBetter(figures(0.9, 1), figures(0.9, 2), "auc"));
  assert.ok(!isBetter(figures(0.9, 1), figures(0.9, 1), "auc"), "the earlier of equals stays");
  assert.ok(isBetter(figures(null, 1), figures(0.9, 2), "auc"));
  assert.ok(isBetter(figures(0.1, 3, 0.9), figures(0.9, 1, 0.8), "accuracy"));
  assert.ok(isBetter(figures(0.1, 1), figures(0.9, 2), "loss"));
});

Deno.test("validation figures of known scores", () => {
  const { loss, accuracy, auc } = validate({
    classes: ["a", "b"],
    images: ["x", "y"],
    labels: [0, 1],
    probabilities: [[0.8, 0.2], [0.6, 0.4]],
  });
  assert.ok(Math.abs(loss + (Math.log(0.8) + Math.log(0.4)) / 2) < 1e-12);
  assert.equal(accuracy, 0.5);
  assert.equal(auc, 1);
  const certain = { classes: ["a", "b"], images: ["x"], labels: [0], probabilities: [[0, 1]] };
  assert.ok(Number.isFinite(validate(certain).loss));
});

Deno.test("balanced weights give each class the same share of the loss", () => {
  const labels = [0, 0, 0, 1];
  assert.deepEqual(classWeights(labels, 3, "none"), [1, 1, 1]);
  const weights = classWeights(labels, 3, "balanced");
  assert.ok(Math.abs(3 * weights[0] - weights[1]) < 1e-12);
  assert.ok(Math.abs(3 * weights[0] + weights[1] - 4) < 1e-12);
});
