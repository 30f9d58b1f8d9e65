/** Series of several runs as one: seeds by job, folds by name; spans where there are many steps. */
import assert from "node:assert/strict";
import { curvesOf } from "@/lib/jobs/curves.ts";
import { thinned } from "@/lib/jobs/thinned.ts";
import { openStore } from "@/lib/store/mod.ts";
import { endedJob } from "../support/ended_job.ts";

Deno.test("mean, least and greatest over jobs and over folds; steps that one lacks", async () => {
  const directory = Deno.makeTempDirSync({ prefix: "mcgip_test_" });
  const store = await openStore(directory);
  try {
    for (const id of ["a", "b", "none"]) await store.jobs.insert(endedJob({ id }));
    const steps = Array.from({ length: 10 }, (_, i) => i + 1);
    const point = (step: number, values: Record<string, number>) => ({ step, epoch: 0, values });
    await store.metrics.put(
      "a",
      steps.map((step) => point(step, { loss: step, "fold 0 auc": 0.5, "fold 1 auc": 0.7 })),
    );
    await store.metrics.put("b", steps.slice(0, 5).map((step) => point(step, { loss: 3 * step })));
    await store.metrics.put("b", [point(6, { loss: NaN })]);
    const [auc, loss] = await curvesOf(store, ["a", "b", "none"], 100);
    assert.deepEqual([auc.name, auc.runs, auc.mean[0], auc.low[0], auc.high[0]], [
      ...["auc", 2, 0.6, 0.5, 0.7],
    ]);
    assert.deepEqual([loss.runs, loss.step], [2, steps]);
    assert.deepEqual([loss.mean[1], loss.low[1], loss.high[1], loss.n[1]], [4, 2, 6, 2]);
    // What is no number counts as none.
    assert.deepEqual([loss.mean[5], loss.n[5]], [6, 1]);
    const thin = (await curvesOf(store, ["a"], 2)).find(({ name }) => name === "loss")!;
    assert.deepEqual([thin.step, thin.mean], [[3, 8], [3, 8]]);
    assert.deepEqual(await curvesOf(store, ["none"], 10), []);
  } finally {
    await store.close();
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("a long series keeps its extremes, a short one and what is no number stay", () => {
  const row = (step: number, value: number | null) => ({ step, epoch: 0, name: "loss", value });
  const long = Array.from({ length: 1000 }, (_, step) => row(step, Math.sin(step / 50)));
  long[333] = row(333, 9);
  long[777] = row(777, -9);
  const kept = thinned([...long, { ...row(5, 1), name: "rate" }], 20);
  assert.equal(kept.filter(({ name }) => name === "loss").length, 20);
  for (const value of [9, -9]) assert.ok(kept.some((one) => one.value === value));
  assert.ok(kept.some(({ name }) => name === "rate"));
  const steps = kept.map(({ step }) => step);
  assert.deepEqual(steps, steps.toSorted((a, b) => a - b));
  assert.deepEqual(thinned(long.slice(0, 20), 20), long.slice(0, 20));
  assert.deepEqual(thinned([row(0, null), row(1, null), row(2, null)], 2), [row(0, null)]);
});
