import assert from "node:assert/strict";
import {
  completed,
  evaluation,
  type EvaluationMetrics,
  evaluationMetricsSchema,
  patientScoresOf,
} from "@/lib/evaluation/evaluation.ts";
import { thresholds } from "@/lib/evaluation/operating_points.ts";
import type { Scores } from "@/lib/evaluation/scores.ts";

const part = (labels: number[], said: number[], first: number): Scores => ({
  classes: ["benign", "malignant"],
  images: labels.map((_, i) => `image ${first + i}`),
  labels,
  probabilities: said.map((p) => [1 - p, p]),
});

Deno.test("one part: metrics and one row per image, without folds", () => {
  const { metrics, scores } = evaluation([part([0, 1], [0.25, 0.75], 0)], "malignant");
  assert.equal(metrics.accuracy, 1);
  assert.equal(metrics.folds, undefined);
  assert.deepEqual(scores[1], {
    image: "image 1",
    label: "malignant",
    predicted: "malignant",
    probabilities: { benign: 0.25, malignant: 0.75 },
  });
});

Deno.test("folds: figures of each, mean and population deviation, undefined ones left out", () => {
  const { metrics, scores } = evaluation([
    part([0, 1, 1, 0], [0.2, 0.9, 0.8, 0.1], 0),
    part([0, 1, 1, 0], [0.9, 0.7, 0.8, 0.1], 4),
    part([1, 1], [0.9, 0.2], 8),
  ], "malignant");
  assert.deepEqual(metrics.folds!.map(({ figures }) => figures.accuracy), [1, 0.75, 0.5]);
  assert.equal(metrics.mean!.accuracy, 0.75);
  assert.ok(Math.abs(metrics.standard_deviation!.accuracy! - Math.sqrt(0.125 / 3)) < 1e-12);
  assert.deepEqual(metrics.folds!.map(({ figures }) => figures.m_auc), [1, 0.5, null]);
  assert.equal(metrics.mean!.m_auc, 0.75);
  assert.deepEqual([metrics.n!.accuracy, metrics.n!.m_auc], [3, 2], "n beside every mean");
  assert.equal(metrics.auc_delong, null, "scores of several models");
  assert.ok(
    metrics.warnings!.some((text) => /^Fold 2: Class "benign" has no image/.test(text)),
    metrics.warnings!.join("\n"),
  );
  assert.match(metrics.warnings![0], /scores of several models, of 3 folds, are pooled/);
  assert.equal(metrics.images, 10);
  assert.equal(metrics.accuracy, 0.8);
  assert.equal(scores[9].fold, 2);
});

Deno.test("folds: no interval by DeLong of patients either, as their scores are of several models", () => {
  const parts = [0, 6].map((first) =>
    part([0, 1, 0, 1, 0, 1], [0.2, 0.6, 0.7, 0.8, 0.3, 0.4], first)
  );
  const patients = new Map(
    parts.flatMap(({ images }) => images).map((name) => [name, `p ${name}`]),
  );
  const of = (given: Scores[], repeated = false) =>
    evaluation(given, "malignant", { patients, repeated }).metrics;
  const { mean, max } = of(parts).patient_level!;
  assert.deepEqual([mean.m_auc_interval, max.m_auc_interval], [null, null]);
  assert.ok(mean.m_auc !== null && max.m_auc !== null);
  // One model's: of one part, and of repeats, where all figures are the first one's.
  for (const { patient_level, warnings } of [of([parts[0]]), of([parts[0], parts[0]], true)]) {
    assert.ok(patient_level!.mean.m_auc_interval && patient_level!.max.m_auc_interval);
    assert.ok(!warnings!.some((text) => text.includes("pooled")));
  }
});

Deno.test("warnings: a class without images, with one, of one patient, and few patients", () => {
  const warned = (labels: number[], patients: (string | null)[] = []) => {
    const scores = part(labels, labels.map((label) => 0.3 + 0.4 * label), 0);
    const of = new Map(scores.images.map((image, i) => [image, patients[i] ?? null]));
    return evaluation([scores], "malignant", { patients: of }).metrics.warnings!;
  };
  assert.match(warned([1, 1]).join(), /"benign" has no image .* not defined/);
  assert.match(warned([0, 1, 1]).join(), /"benign" has one image .*3 patients are tested/s);
  assert.match(
    warned([0, 0, 1, 1], ["p", "p", "q", "r"]).join(),
    /"benign" has images of one patient only/,
  );
  assert.deepEqual(warned(Array.from({ length: 20 }, (_, i) => i % 2)), []);
});

Deno.test("operating points: thresholds come from validation, and are applied to the test", () => {
  const validation = part([0, 0, 0, 0, 0, 1, 1, 1, 1, 1], [
    ...[0.1, 0.2, 0.3, 0.4, 0.8],
    ...[0.35, 0.6, 0.7, 0.85, 0.9],
  ], 100);
  const found = thresholds(validation, "malignant");
  const at = (target: string, level: number) =>
    found.find((one) => one.target === target && one.level === level)!;
  // Four of five negatives lie below 0.6; all of them below 0.85; all positives lie at or above 0.35.
  assert.equal(at("specificity", 0.8).threshold, 0.6);
  assert.deepEqual(at("specificity", 0.8).validation, {
    ...{ sensitivity: 0.8, specificity: 0.8, positives: 5, negatives: 5 },
  });
  assert.equal(at("specificity", 0.95).threshold, 0.85);
  assert.equal(at("sensitivity", 0.95).threshold, 0.35);
  const test = part([0, 0, 0, 1, 1], [0.1, 0.65, 0.2, 0.6, 0.5], 0);
  const { metrics } = evaluation([test], "malignant", { thresholds: [found] });
  const point = metrics.operating_points!.find(({ target, level }) =>
    target === "specificity" && level === 0.8
  )!;
  assert.deepEqual([point.thresholds, point.sensitivity, point.specificity], [[0.6], 0.5, 2 / 3]);
  assert.deepEqual([point.positives, point.negatives], [2, 3]);
  const [low, high] = point.intervals.sensitivity!;
  assert.ok(low <= 0.5 && high >= 0.5);
  const folded = evaluation([test, part([0, 1], [0.7, 0.75], 5)], "malignant", {
    thresholds: [found, found.map((one) => ({ ...one, threshold: 0.72 }))],
  }).metrics.operating_points!;
  const pooled = folded.find(({ target, level }) => target === "specificity" && level === 0.8)!;
  assert.deepEqual([pooled.thresholds, pooled.sensitivity, pooled.specificity], [
    ...[[0.6, 0.72], 2 / 3, 3 / 4],
  ]);
  // A negative has the highest score: no threshold reaches the specificity.
  const none = thresholds(part([0, 1], [0.9, 0.5], 0), "malignant");
  assert.deepEqual([none[0].threshold, none[0].validation], [null, null]);
  const unreached = evaluation([test], "malignant", { thresholds: [none] }).metrics;
  assert.deepEqual(unreached.operating_points![0].sensitivity, null);
});

Deno.test("operating points that cannot be told say why", () => {
  const test = part([0, 1], [0.1, 0.9], 0);
  const why = (positive: string | null, thresholds?: null[] | []) =>
    evaluation([test], positive, { thresholds }).metrics.operating_points_absent!;
  assert.match(why(null), /no positive label/);
  assert.match(why("malignant"), /No scores of validation images/);
  assert.match(why("malignant", [null]), /No scores of validation images/);
  assert.match(
    evaluation([test], "malignant", { thresholds: [thresholds(part([0], [0.5], 0), "malignant")] })
      .metrics.operating_points_absent!,
    /one side only/,
  );
});

Deno.test("patients: the mean and the largest score over their images, beside those of images", () => {
  const scores = part([0, 0, 1, 1, 0, 1, 0, 1], [0.2, 0.6, 0.1, 0.6, 0.3, 0.8, 0.5, 0.4], 0);
  const names = ["a", "a", "b", "b", "c", "d", "e", "e"];
  const patients = new Map(scores.images.map((image, i) => [image, names[i]]));
  const { metrics, scores: rows } = evaluation([scores], "malignant", { patients });
  // Means: a .4 (0), b .35 (1), c .3 (0), d .8 (1), e .45 (1: one of two images is malignant).
  const level = metrics.patient_level!;
  assert.equal(level.patients, 5);
  assert.ok(Math.abs(level.mean.m_auc! - 5 / 6) < 1e-12, "a lies above b");
  // Largest: a .6, b .6, c .3, d .8, e .5: a ties with b, and lies above e.
  assert.ok(Math.abs(level.max.m_auc! - 4.5 / 6) < 1e-12);
  assert.equal(level.mean.accuracy, 3 / 5, "b and e stay below a half");
  assert.equal(metrics.intervals!.units, 5, "patients are drawn, not images");
  const found = patientScoresOf(rows, metrics.classes, "malignant")!;
  assert.deepEqual([found[4].patient, found[4].label, found[4].max], ["e", "malignant", 0.5]);
  assert.equal(patientScoresOf(rows, metrics.classes, null)![4].label, null);
  assert.equal(evaluation([scores], null, { patients }).metrics.patient_level!.left_out, 1);
  assert.equal(evaluation([scores], "malignant").metrics.patient_level, null);
});

Deno.test("an evaluation of an earlier version is told with nulls for what it lacks", () => {
  const { metrics } = evaluation([part([0, 1], [0.1, 0.9], 0), part([0, 1], [0.3, 0.6], 2)], null);
  const old = structuredClone(metrics) as Partial<EvaluationMetrics>;
  const names = ["auc_micro_one_vs_rest", "brier_score", "calibration", "mean_absolute_error"];
  const added = ["quadratic_weighted_kappa", "warnings", "intervals", "n", "patient_level"];
  for (const name of [...names, ...added, "auc_delong", "operating_points"]) {
    delete (old as Record<string, unknown>)[name];
  }
  for (const row of old.per_class!) delete (row as Partial<typeof row>).brier_score;
  for (const { figures } of old.folds!) delete (figures as Partial<typeof figures>).brier_score;
  const told = completed(old as EvaluationMetrics);
  assert.deepEqual(evaluationMetricsSchema.parse(told), told);
  assert.deepEqual([told.brier_score, told.intervals, told.per_class[0].brier_score], [
    ...[null, null, null],
  ]);
  assert.equal(told.accuracy, metrics.accuracy);
  assert.deepEqual(completed(metrics), metrics);
});
