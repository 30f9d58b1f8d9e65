/** What stands behind a study's figures: bands, confusion, the images that gaze got right or wrong. */
import assert from "node:assert/strict";
import { evaluation } from "@/lib/evaluation/evaluation.ts";
import { studyReport } from "@/lib/studies/report.ts";
import type { StudyTable } from "@/lib/studies/table_schema.ts";
import { near } from "../support/near.ts";

const classes = ["benign", "malignant"];
/** Two images of each class; the probability that each is malignant. */
const run = (...p: number[]) => ({
  classes,
  images: ["a", "b", "c", "d"],
  labels: [0, 0, 1, 1],
  probabilities: p.map((value) => [1 - value, value]),
});

function report(most = 10, label?: string, positive_label = "malignant") {
  const runs = {
    // Plain: b and c are wrong; with gaze: only b, and d in one of two runs.
    p0: run(0.1, 0.8, 0.3, 0.9),
    p1: run(0.2, 0.6, 0.4, 0.7),
    g0: run(0.1, 0.9, 0.8, 0.4),
    g1: run(0.2, 0.7, 0.6, 0.8),
  };
  const evaluations = new Map(
    Object.entries(runs).map(([id, scores]) => [
      id,
      evaluation([scores], "malignant"),
    ]),
  );
  const rows = ["none", "gaze"].map((arm) => ({
    key: `byol ${arm}`,
    name: arm,
    method: "byol",
    arm,
  }));
  const cell = (row: string, ids: string[]) => ({ row, backbone: "resnet18", evaluations: ids });
  const table = {
    ...{ rows, positive_label },
    // One evaluation is gone.
    cells: [cell("byol none", ["p0", "p1"]), cell("byol gaze", ["g0", "g1", "gone"])],
  } as unknown as StudyTable;
  return studyReport({ study: "stu", table, evaluations, most, label });
}

Deno.test("curves over runs: mean and range at the same places, as each run's own curve", () => {
  const { rows: [plain], class: label } = report();
  assert.equal(label, "malignant");
  const { roc, precision_recall } = plain;
  assert.deepEqual([roc!.n, roc!.x.length, roc!.mean.at(-1)], [2, 51, 1]);
  // Both runs: d first, then b, c, a.
  assert.deepEqual([roc!.low[0], roc!.high[0], roc!.mean[25]], [0.5, 0.5, 1]);
  near(precision_recall!.mean[50], 2 / 3, "precision", 1e-4);
  assert.equal(plain.base_rate, 0.5);
  assert.equal(report(10, "benign").class, "benign");
});

Deno.test("confusion and calibration count every run", () => {
  const { rows: [plain, gaze] } = report();
  assert.deepEqual(plain.confusion, [[2, 2], [2, 2]]);
  assert.deepEqual(gaze.confusion, [[2, 2], [1, 3]]);
  assert.equal(gaze.calibration.reduce((sum, { images }) => sum + images, 0), 8);
  const top = plain.calibration.find(({ probability }) => probability > 0.85)!;
  assert.deepEqual([top.images, top.share], [1, 1]);
});

Deno.test("images are judged by the mean over runs: mistakes by certainty, gains and losses of gaze", () => {
  const { rows: [plain, gaze], compared: [pair] } = report();
  assert.deepEqual(plain.mistakes.map(({ image }) => image), ["b", "c"]);
  const [b] = gaze.mistakes;
  assert.deepEqual([b.image, b.label, b.predicted, b.runs], ["b", "benign", "malignant", 2]);
  near(b.probability, 0.8, "as expected");
  assert.deepEqual(pair.gained.map(({ image, other }) => [image, other.predicted]), [[
    "c",
    "benign",
  ]]);
  assert.deepEqual(pair.lost, []);
  assert.equal(report(1).rows[0].mistakes.length, 1);
});

Deno.test("a positive label that is no class: no curves, and a sentence with the class that is meant", () => {
  const { class: label, warnings, rows: [plain] } = report(10, undefined, "Malignant");
  assert.equal(label, null);
  assert.match(warnings[0], /"Malignant" is no class .*"malignant" may be meant/);
  assert.deepEqual([plain.roc, plain.base_rate, plain.calibration], [null, null, []]);
  assert.deepEqual(plain.confusion, [[2, 2], [2, 2]]);
  assert.deepEqual(report().warnings, []);
});
