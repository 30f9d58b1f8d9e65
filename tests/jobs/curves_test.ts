/** Series of several runs as one: seeds by job, folds by name; spans where there are many steps. */
import assert from "node:assert/strict";
import { curvesOf } from "@/lib/jobs/curves.ts";
import { openStore } from "@/lib/store/mod.ts";

Deno.test("mean, least and greatest over jobs and over folds; steps that one lacks", () => {
  const directory = Deno.makeTempDirSync({ prefix: "mcgip_test_" });
  const store = openStore(directory);
  try {
    store.db.run("PRAGMA foreign_keys = OFF");
    for (let step = 1; step <= 10; step++) {
      store.metrics.put("a", step, 0, { loss: step, "fold 0 auc": 0.5, "fold 1 auc": 0.7 });
      if (step <= 5) store.metrics.put("b", step, 0, { loss: 3 * step });
    }
    store.metrics.put("b", 6, 0, { loss: NaN });
    const [auc, loss] = curvesOf(store, ["a", "b", "none"], 100);
    assert.deepEqual([auc.name, auc.runs, auc.mean[0], auc.low[0], auc.high[0]], [
      "auc",
      2,
      0.6,
      0.5,
      0.7,
    ]);
    assert.deepEqual([loss.runs, loss.step], [2, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]]);
    assert.deepEqual([loss.mean[1], loss.low[1], loss.high[1], loss.n[1]], [4, 2, 6, 2]);
    // What is no number counts as none.
    assert.deepEqual([loss.mean[5], loss.n[5]], [6, 1]);
    const thin = curvesOf(store, ["a"], 2).find(({ name }) => name === "loss")!;
    assert.deepEqual([thin.step, thin.mean], [[3, 8], [3, 8]]);
    assert.deepEqual(curvesOf(store, ["none"], 10), []);
  } finally {
    store.close();
    Deno.removeSync(directory, { recursive: true });
  }
});
