/** What the page computes of a cut is what the server's audit says of it; points in a lasso; bands over folds. */
import assert from "node:assert/strict";
import { audit } from "@/lib/gaze/audit.ts";
import { uniform } from "@/lib/random.ts";
import { studyReport } from "@/lib/studies/report.ts";
import type { StudyTable } from "@/lib/studies/table_schema.ts";
import { evaluation } from "@/lib/evaluation/evaluation.ts";
import { near } from "../support/near.ts";
// @ts-types="./page_modules.d.ts"
import * as cuts from "../../static/pair_cut.js";
// @ts-types="./page_modules.d.ts"
import { within } from "../../static/scatter.js";
// @ts-types="./page_modules.d.ts"
import { foldBands } from "../../static/fold_bands.js";

const n = 23;
const labels = Array.from({ length: n }, (_, i) => i === 4 ? null : i % 3 ? "b" : "a");

/** Symmetric, with ties, an image without gaze, a diagonal of ones. */
function similarity(): Float32Array<ArrayBuffer> {
  const values = new Float32Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = i; j < n; j++) {
      const value = i === j ? 1 : Math.round(uniform(7, i, j) * 40) / 40;
      values[i * n + j] = values[j * n + i] = i === 9 || j === 9 ? NaN : value;
    }
  }
  return values;
}

Deno.test("pairs above a cut: the page's numbers are the audit's", () => {
  const values = similarity();
  const found = audit(values, { labels });
  const all = Array.from({ length: n }, (_, i) => i);
  const prepared = cuts.preparePairs({ values, labels, looked: all });
  assert.equal(prepared.sorted.length, found.valid_pairs);
  near(prepared.baseRate, found.labels!.base_rate, "as expected");
  for (const cut of found.cuts) {
    assert.equal(cuts.cutAt(prepared, cut.quantile!), cut.cut, `top ${cut.quantile}`);
    const chosen = cuts.chosenAt(prepared, cut.cut);
    assert.deepEqual(
      [chosen.pairs, chosen.median, chosen.most, chosen.without],
      [cut.pairs, cut.positives_per_image.median, cut.positives_per_image.max, cut.images_without],
    );
    near(chosen.precision, cut.precision!, "as expected");
    near(chosen.lift, cut.lift!, "as expected");
    assert.deepEqual(chosen.hubs[0].positives, cut.hubs[0].positives);
  }
});

Deno.test("the histogram holds every pair, examples stand just above the cut", () => {
  const values = similarity();
  const looked = Array.from({ length: n }, (_, i) => i);
  const prepared = cuts.preparePairs({ values, labels, looked });
  const { same, other } = cuts.labelHistogram(prepared, 12);
  const sum = [...same, ...other].reduce((all, count) => all + count, 0);
  assert.equal(sum, prepared.sorted.length);
  const cut = cuts.cutAt(prepared, 0.3);
  const { right, wrong } = cuts.examplesAt(prepared, cut, 3);
  for (const [pairs, equal] of [[right, true], [wrong, false]] as const) {
    assert.equal(pairs.length, 3);
    for (const [a, b, value] of pairs) {
      assert.ok(value > cut);
      assert.equal(labels[a] === labels[b], equal);
    }
  }
});

Deno.test("a lasso holds what lies within", () => {
  const square = [[0, 0], [10, 0], [10, 10], [0, 10]];
  assert.deepEqual([[5, 5], [11, 5], [5, -1]].map((point) => within(point, square)), [
    true,
    false,
    false,
  ]);
});

Deno.test("bands over folds are those of the same runs in a study", () => {
  const fold = (seed: number) => ({
    classes: ["a", "b"],
    images: Array.from({ length: 12 }, (_, i) => `${seed}_${i}`),
    labels: Array.from({ length: 12 }, (_, i) => i % 2),
    probabilities: Array.from({ length: 12 }, (_, i) => {
      const p = Math.round(10 * (0.3 + 0.3 * (i % 2) + 0.4 * uniform(seed, i, 0))) / 10;
      return [1 - p, p];
    }),
  });
  const parts = [fold(1), fold(2), fold(3)];
  const { scores } = evaluation(parts, "b");
  const evaluations = parts.map((part, i) => ({ id: `e${i}`, ...evaluation([part], "b") }));
  const table = {
    rows: [{ key: "r", name: "R", method: null, arm: null }],
    positive_label: "b",
    cells: [{ row: "r", backbone: "resnet18", evaluations: ["e0", "e1", "e2"] }],
  } as unknown as StudyTable;
  const known = new Map(evaluations.map((one) => [one.id, one]));
  const { rows: [row] } = studyReport({ study: "s", table, evaluations: known, most: 5 });
  const { roc, precisionRecall } = foldBands(scores, "b")!;
  for (
    const [mine, theirs] of [[roc, row.roc!], [precisionRecall, row.precision_recall!]] as const
  ) {
    assert.equal(mine.n, 3);
    for (const side of ["mean", "low", "high"] as const) {
      mine[side].forEach((value: number, i: number) => near(value, theirs[side][i], side, 1e-4));
    }
  }
  assert.equal(foldBands(scores.map(({ fold: _, ...one }) => one), "b"), undefined);
});
