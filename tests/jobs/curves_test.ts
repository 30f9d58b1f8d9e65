/** Series of several runs as one: seeds by job, folds by name; spans where there are many steps. */
import assert from "node:assert/strict";
import { curvesOf } from "@/lib/jobs/curves.ts";
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
