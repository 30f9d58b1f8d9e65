import assert from "node:assert/strict";
import { additionReport, comparisonsOf } from "@/lib/demo/addition_report.ts";
import type { AdditionFound } from "@/lib/demo/addition_runs.ts";
import { ATTENTION } from "@/lib/demo/additions.ts";

const runs = Object.entries({
  "no supervision": [0.7, 0.72, 0.71],
  "own gaze": [0.75, 0.78, 0.76],
  "shuffled gaze": [0.7, 0.69],
}).flatMap(([row, list]) =>
  list.map((auc, seed) => ({ row, budget: 205, seed, auc, divergence: 0.1 * (seed + 1) }))
);
const found: AdditionFound = {
  ...{ name: "attention", runs, version: "1.2.3+abc", seconds: 90, trainings: 8 },
  start: { name: "made-up shapes", accuracy: 0.56 },
};
const head = {
  ...{
    date: "2026-01-01T00:00:00Z",
    adapter: "llvmpipe",
    command: "deno task study --only attention",
  },
  seeds: ATTENTION.seeds,
};

Deno.test("comparisons pair the seeds that both rows have, Holm is over the two of one number of labels", () => {
  const [plain, control] = comparisonsOf(found, 205);
  assert.deepEqual([plain.tested.n, control.tested.n], [3, 2]);
  // scipy.stats.ttest_rel([.75, .78, .76], [.7, .72, .71]): t 16, p 0.003883
  assert.ok(Math.abs(plain.tested.p! - 0.0038835) < 1e-6, `${plain.tested.p}`);
  assert.ok(Math.abs(plain.p_holm! - 2 * plain.tested.p!) < 1e-12);
  assert.deepEqual(comparisonsOf(found, 32), []);
});

Deno.test("the section tells comparisons, every run, what was not run, and that seeds are few", () => {
  const { markdown, json } = additionReport(found, head);
  assert.match(
    markdown,
    /\| own gaze - no supervision \| \+0\.053 \| \[[^|]*\| 3 \|[^\n]*\| yes \|/,
  );
  assert.match(
    markdown,
    /1 of 2 hold after Holm\. This is no verdict of the protocol: that has 6 seeds of each\. 2 seeds are too few/,
  );
  assert.match(markdown, /not measured: shuffled gaze, 205 labels, 4 of 6 seeds/);
  assert.match(markdown, /not measured: own gaze, 32 labels, 6 of 6 seeds/);
  assert.match(
    markdown,
    /\| shuffled gaze, 205 labels \| 0\.695 \| 0\.700 \| 0\.690 \| – \| 0\.150 \|/,
  );
  const read = JSON.parse(json);
  assert.deepEqual(additionReport(read, read), { markdown, json }, "the file gives itself");
  const three = additionReport(found, { ...head, seeds: [0, 1, 2] });
  assert.match(three.markdown, /3 seeds instead of 6/);
});
