/** Pre-training with pairs by patient and by appearance. */
import assert from "node:assert/strict";
import { openGpu } from "@/gpu/device.ts";
import type { Store } from "@/lib/store/mod.ts";
import type { PretrainedLineage } from "@/lib/training/lineage.ts";
import { insertClasses } from "../../support/classes.ts";
import { queued, runJob } from "../../support/context.ts";
import { withStore } from "../../support/temporary.ts";

const gpu = await openGpu();
const pretraining = {
  ...{ kind: "pretrain", dataset: "discs", method: "byol", config: { hidden: 16, output: 8 } },
  ...{ width: 8, image_size: 16, channels: 1, epochs: 1, batch_size: 8, leave_out: null },
};

async function run(store: Store, request: Record<string, unknown>) {
  const { result, context } = await runJob(gpu, store, await queued(store, request));
  const { id, file, lineage } = await store.models.get(result!.model as string);
  const { positives, warnings = [] } = lineage as unknown as PretrainedLineage;
  return { id, file, positives, warnings, context };
}

Deno.test("patient: its pairs alone are positive, and that is no fault of the arm", () =>
  withStore(async (store) => {
    await insertClasses(store, { images: 24, perPatient: 2 });
    const { positives, warnings, file } = await run(store, { ...pretraining, arm: "patient" });
    assert.deepEqual([positives.pairs, positives.precision], [12, 1]);
    assert.deepEqual(warnings, []);
    const none = await run(store, { ...pretraining, arm: "none" });
    assert.notEqual(file, none.file);
  }));

Deno.test("appearance: pairs follow the network that training starts from; a random one is warned of", () =>
  withStore(async (store) => {
    await insertClasses(store, { images: 24, perPatient: 2 });
    const trained = await run(store, { ...pretraining, arm: "labels", epochs: 4 });
    const request = { ...pretraining, arm: "appearance", cut: { quantile: 0.1 } };
    const started = { ...request, init: trained.id };
    const own = await run(store, started);
    assert.equal(own.positives.pairs, 28);
    assert.ok(own.warnings.every((text) => !/random network/.test(text)));
    assert.ok(own.positives.cut! < 1);
    const across = await run(store, { ...started, across_patients: true });
    assert.ok(across.positives.pairs <= 28 && across.positives.cut === own.positives.cut);
    const random = await run(store, request);
    assert.match(random.warnings.join(), /compares pictures by a random network/);
    assert.notEqual(random.positives.cut, own.positives.cut);
    const again = await run(store, started);
    assert.equal(again.file, own.file);
  }));

Deno.test("device closes without errors", () => {
  gpu.check();
  gpu.device.destroy();
});
