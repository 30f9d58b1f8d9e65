/** Figures of a multi-label classifier: scikit-learn's, with what is not known left out. */
import assert from "node:assert/strict";
import { BinaryFigures } from "@/lib/evaluation/binary_figures.ts";
import { AVERAGED, multiLabelFigures } from "@/lib/evaluation/multi_label_figures.ts";
import {
  multiLabelEvaluation,
  multiLabelImageScoreSchema,
  multiLabelMetricsSchema,
} from "@/lib/evaluation/multi_label_evaluation.ts";
import { difference } from "@/lib/evaluation/difference.ts";
import { evaluation } from "@/lib/evaluation/evaluation.ts";
import { findingScoresOf } from "@/lib/evaluation/runs.ts";
import type { MultiLabelScores, Truth } from "@/lib/evaluation/scores.ts";
import { auc } from "@/lib/evaluation/auc.ts";
import { precisionRecallCurve } from "@/lib/evaluation/curve.ts";
import { uniform } from "@/lib/random.ts";
import reference from "../fixtures/multi_label.json" with { type: "json" };

function scoresOf(known: typeof reference.evaluations[number]): MultiLabelScores {
  return {
    classes: known.truths[0].map((_, k) => `f${k}`),
    images: known.truths.map((_, i) => `i${String(i).padStart(3, "0")}`),
    truths: known.truths as Truth[][],
    probabilities: known.probabilities,
  };
}

for (const [i, known] of reference.evaluations.entries()) {
  const scores = scoresOf(known);
  const last = scores.classes.at(-1)!;

  Deno.test(`evaluation ${i}: scikit-learn's figures of each finding, macro and micro`, () => {
    const { metrics } = multiLabelEvaluation([scores], "f0");
    multiLabelMetricsSchema.parse(metrics);
    known.each.forEach((expected, k) => {
      for (const name of AVERAGED) {
        assert.ok(Math.abs(metrics.findings[k][name]! - expected[name]) < 1e-9, `${k} ${name}`);
      }
    });
    for (const name of AVERAGED) {
      assert.ok(Math.abs(metrics.macro[name]! - known.macro[name]) < 1e-9, `macro ${name}`);
      assert.ok(Math.abs(metrics.micro[name]! - known.micro[name]) < 1e-9, `micro ${name}`);
    }
    assert.equal(metrics.m_auc, metrics.findings[0].auc);
  });

  Deno.test(`evaluation ${i}: a finding of one side is named, and in no average`, () => {
    const { metrics } = multiLabelEvaluation([scores], null);
    assert.deepEqual(metrics.left_out, [last]);
    const found = metrics.findings.at(-1)!;
    assert.deepEqual([found.auc, found.present, metrics.roc[last]], [null, 0, null]);
    assert.equal(found.average_precision, null);
    assert.ok(metrics.warnings.some((text) => text.includes(`"${last}"`) && /one side/.test(text)));
    assert.equal(metrics.m_auc, null);
  });

  Deno.test(`evaluation ${i}: what is not known is counted and said, and in no confusion`, () => {
    const { metrics } = multiLabelEvaluation([scores], null);
    const unknown = scores.truths.flat().filter((is) => is === null).length;
    assert.equal(metrics.unknown, unknown);
    assert.equal(metrics.known + unknown, scores.images.length * scores.classes.length);
    for (const { confusion, present, absent } of metrics.findings) {
      const [[a, b], [c, d]] = confusion;
      assert.deepEqual([a + b, c + d], [absent, present]);
    }
    assert.equal(metrics.warnings.some((text) => /are not known/.test(text)), unknown > 0);
  });

  Deno.test(`evaluation ${i}: intervals hold the figures, and the kept scores give them back`, () => {
    const { metrics, scores: rows } = multiLabelEvaluation([scores], "f0");
    for (const name of ["auc", "average_precision", "accuracy"] as const) {
      const [low, high] = metrics.intervals.macro[name] ?? [0, 1];
      assert.ok(low <= metrics.macro[name]! && metrics.macro[name]! <= high, name);
    }
    const [low, high] = metrics.findings[0].intervals.auc!;
    assert.ok(low < metrics.findings[0].auc! && metrics.findings[0].auc! < high);
    const [under, over] = metrics.findings[0].auc_delong!.interval!;
    assert.ok(under < metrics.findings[0].auc! && metrics.findings[0].auc! < over);
    rows.forEach((row) => multiLabelImageScoreSchema.parse(row));
    assert.deepEqual(findingScoresOf(rows), scores);
  });
}

Deno.test("binary figures: AUC and average precision are those of the curves, with ties and weights", () => {
  const n = 40;
  const scores = Array.from({ length: n }, (_, i) => Math.round(10 * uniform(1, i)) / 10);
  const truths = scores.map((score, i) => Number(uniform(2, i) < 0.3 + 0.4 * score));
  const units = scores.map((_, i) => i);
  const weights = scores.map((_, i) => Math.floor(3 * uniform(3, i)));
  const copies = weights.flatMap((weight, i) => new Array(weight).fill(i));
  const figures = new BinaryFigures({ truths, scores, units });
  for (const [rows, found] of [[units, figures.at()], [copies, figures.at(weights)]] as const) {
    const [is, said] = [rows.map((i) => truths[i] === 1), rows.map((i) => scores[i])];
    assert.ok(Math.abs(found.auc! - auc(is, said)!) < 1e-12);
    const { average_precision } = precisionRecallCurve(is, said)!;
    assert.ok(Math.abs(found.average_precision! - average_precision) < 1e-12);
  }
});

Deno.test("an evaluation with folds: figures of each, their mean, and the finding that one lacks", () => {
  const [scores] = reference.evaluations.map(scoresOf);
  const half = (rows: number[]): MultiLabelScores => ({
    ...scores,
    images: rows.map((i) => scores.images[i]),
    truths: rows.map((i) => scores.truths[i]),
    probabilities: rows.map((i) => scores.probabilities[i]),
  });
  const rows = scores.images.map((_, i) => i);
  const parts = [half(rows.filter((i) => i % 2 === 0)), half(rows.filter((i) => i % 2 === 1))];
  const { metrics, scores: kept } = multiLabelEvaluation(parts, null);
  multiLabelMetricsSchema.parse(metrics);
  const each = metrics.folds!.map(({ figures }) => figures.auc_macro!);
  assert.equal(metrics.mean!.auc_macro, (each[0] + each[1]) / 2);
  assert.equal(each[0], multiLabelFigures(parts[0]).macro.auc);
  assert.equal(metrics.n!.m_auc, 0);
  assert.equal(metrics.findings[0].auc_delong, null);
  assert.match(metrics.warnings[0], /scores of several models, of 2 folds, are pooled/);
  assert.ok(
    !multiLabelEvaluation([scores], null).metrics.warnings.some((t) => t.includes("pooled")),
  );
  assert.deepEqual(new Set(kept.map(({ fold }) => fold)), new Set([0, 1]));
});

Deno.test("patients: all images of one count together in the intervals", () => {
  const [scores] = reference.evaluations.map(scoresOf);
  const patients = new Map(scores.images.map((name, i) => [name, `p${i % 12}`]));
  const { metrics, scores: rows } = multiLabelEvaluation([scores], null, { patients });
  assert.equal(metrics.intervals.units, 12);
  assert.equal(rows[0].patient, "p0");
});

Deno.test("two multi-label evaluations are compared by macro AUC; of other findings, or kinds, not", () => {
  const [scores] = reference.evaluations.map(scoresOf);
  const better = {
    ...scores,
    probabilities: scores.probabilities.map((row, i) =>
      row.map((p, k) => scores.truths[i][k] === 1 ? (p + 1) / 2 : p)
    ),
  };
  const [a, b] = [better, scores].map((one) => multiLabelEvaluation([one], "f0"));
  const request = { positive_label: "f0", patients: new Map() };
  const found = difference({ a: a.scores, b: b.scores, ...request });
  const expected = a.metrics.macro.auc! - b.metrics.macro.auc!;
  assert.ok(Math.abs(found.figures.auc!.value - expected) < 1e-12);
  const gain = a.metrics.m_auc! - b.metrics.m_auc!;
  assert.ok(Math.abs(found.figures.m_auc!.value - gain) < 1e-12);
  assert.ok(Math.abs(found.delong!.difference - gain) < 1e-12);
  const renamed = multiLabelEvaluation([{ ...scores, classes: ["f0", "x", "f2", "f3"] }], "f0");
  assert.throws(
    () => difference({ a: a.scores, b: renamed.scores, ...request }),
    /other findings.*f1.*x/,
  );
  const single = evaluation([{
    classes: ["a", "b"],
    images: scores.images,
    labels: scores.images.map((_, i) => i % 2),
    probabilities: scores.images.map(() => [0.5, 0.5]),
  }], null);
  assert.throws(
    () => difference({ a: a.scores, b: single.scores, ...request }),
    /one label an image with a multi-label one/,
  );
});

Deno.test("a probability that is no number is refused with its image and finding", () => {
  const [scores] = reference.evaluations.map(scoresOf);
  const probabilities = scores.probabilities.map((row, i) =>
    i === 3 ? [NaN, ...row.slice(1)] : row
  );
  assert.throws(
    () => multiLabelEvaluation([{ ...scores, probabilities }], null),
    /"f0" for image "i003" is NaN/,
  );
});

Deno.test("of one side alone there is neither AUC nor average precision, whatever is said", () => {
  for (const side of [0, 1]) {
    const answers = { truths: [side, side], scores: [0.2, 0.9], units: [0, 1] };
    const { auc, average_precision, accuracy } = new BinaryFigures(answers).at();
    assert.deepEqual([auc, average_precision, accuracy], [null, null, 0.5]);
  }
});
