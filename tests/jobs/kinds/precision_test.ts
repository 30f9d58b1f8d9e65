/** Jobs in f16: pre-training, a classifier from it, and the adapter that cannot. */
import assert from "node:assert/strict";
import { openGpu } from "@/gpu/device.ts";
import { readSafetensors } from "@/lib/models/safetensors.ts";
import { insertClasses } from "../../support/classes.ts";
import { queued, runJob } from "../../support/context.ts";
import { withStore } from "../../support/temporary.ts";

const gpu = await openGpu();
const network = { width: 8, image_size: 16, channels: 1, dataset: "discs", precision: "f16" };
const pretraining = {
  ...network,
  kind: "pretrain",
  method: "byol",
  config: { hidden: 16, output: 8 },
  epochs: 1,
  batch_size: 4,
  accumulate: 2,
  report_every: 1,
};
const finetuning = { ...network, kind: "finetune", epochs: 2, batch_size: 8, report_every: 1 };

Deno.test({
  name: "a backbone and a classifier are trained in f16 and kept in f32",
  ignore: !gpu.features.f16,
  fn: () =>
    withStore(async (store) => {
      await insertClasses(store);
      const first = await runJob(gpu, store, await queued(store, pretraining));
      const init = first.result!.model as string;
      const second = await runJob(gpu, store, await queued(store, { ...finetuning, init }));
      for (const { context } of [first, second]) {
        const reports = context.metrics.map(({ values }) => values).filter((v) => "loss" in v);
        assert.ok(reports.length > 1);
        for (const { loss, loss_scale, skipped } of reports) {
          assert.ok(Number.isFinite(loss) && loss_scale >= 1 && skipped >= 0);
        }
      }
      for (const model of [init, second.result!.model as string]) {
        const { file } = await store.models.get(model);
        const { tensors } = readSafetensors(await store.files.read(file));
        assert.ok(tensors.has("conv1.weight"));
        assert.deepEqual([...tensors.keys()].filter((name) => name.includes("scale")), []);
      }
    }),
});

Deno.test("on an adapter without shader-f16 the job fails, and says why", () =>
  withStore(async (store) => {
    await insertClasses(store);
    const without = { ...gpu, features: { ...gpu.features, f16: false } };
    for (const request of [pretraining, finetuning]) {
      const job = await queued(store, request);
      await assert.rejects(
        runJob(without, store, job),
        /Cannot train in f16: this adapter has no shader-f16/,
      );
      await store.jobs.change(job, { state: "failed" });
    }
  }));
