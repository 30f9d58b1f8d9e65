/** Predictions beside jobs: they wait for no job, and their thread's end is nobody's but their own. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { encodePicture } from "@/lib/inference/protocol.ts";
import { newJob } from "@/lib/jobs/queue.ts";
import { writeSafetensors } from "@/lib/models/safetensors.ts";
import { newId, now, type Store } from "@/lib/store/mod.ts";
import { PredictorLink } from "@/lib/worker/predictor_link.ts";
import type { Message } from "@/lib/worker/rpc.ts";
import type { Desk } from "@/lib/worker/desk.ts";
import { StoreDesk } from "@/lib/worker/store_desk.ts";
import { Supervisor } from "@/lib/worker/supervisor.ts";
import { until } from "../support/server.ts";
import { withStore } from "../support/temporary.ts";
import { resnetWeights } from "../support/weights.ts";

async function classifier(store: Store): Promise<string> {
  const weights = writeSafetensors(resnetWeights({ channels: 1, classes: 2 }));
  const { sha256 } = await store.files.put(weights);
  const id = newId("mod");
  await store.commitFiles([sha256], () =>
    store.models.insert({
      ...{ id, name: null, version: null, kind: "uploaded", job_id: null },
      ...{ dataset_id: null, dataset_digest: null, lineage: {}, file: sha256, created_at: now() },
      spec: {
        ...{ backbone: "resnet18", width: 4, channels: 1, image_size: 32, classes: ["a", "b"] },
        normalization: { mean: [0.4], std: [0.2] },
      },
    }));
  return id;
}

Deno.test("a prediction is answered while the jobs' thread waits for its GPU", async () => {
  await withStore(async (store) => {
    const supervisor = new Supervisor({
      command: {
        path: Deno.execPath(),
        args: [
          ...["run", "-A", "--no-check", "--quiet"],
          fileURLToPath(new URL("../support/worker.ts", import.meta.url)),
          store.directory,
        ],
      },
      desk: (name) => new StoreDesk(store, name),
      log() {},
    });
    supervisor.start();
    try {
      await until(() => supervisor.ready, 30_000);
      const model = await classifier(store);
      const data = new Uint8Array(32 * 32).fill(100);
      const pictures = [encodePicture({ width: 32, height: 32, channels: 1, bits: 8, data })];
      const predict = () =>
        supervisor.call<{ probabilities: number[][] }>("predict", { model, pictures });
      const before = await predict();
      const { id } = await store.jobs.insert(newJob("block", { ms: 15_000 }));
      supervisor.notify("wake");
      const state = async () => (await store.jobs.get(id)).state;
      await until(async () => await state() === "running", 10_000);
      assert.deepEqual(await predict(), before);
      assert.equal(await state(), "running");
    } finally {
      await supervisor.stop(1_000);
    }
  });
});

Deno.test("a thread that died fails those who wait, and the next request starts another", async () => {
  const sent: Message[] = [];
  const link = new PredictorLink({
    // This thread asks nothing.
    desk: {} as Desk,
    thread: import.meta.resolve("../support/dying_predictor.ts"),
    start: { data: "" },
    send: (message) => sent.push(message),
  });
  const come = async (count: number) => {
    await until(() => sent.length >= count, 10_000);
    return sent.splice(0).toSorted((a, b) => a.id! - b.id!);
  };
  assert.equal(link.answers({ method: "predict" }), true);
  assert.equal(link.answers({ method: "sample" }), false);
  assert.equal(link.unansweredMs, 0);
  link.receive({ id: 1, method: "predict", params: "one" });
  assert.deepEqual(await come(1), [{ id: 1, result: "one" }]);
  assert.equal(link.unansweredMs, 0);
  link.receive({ id: 2, method: "saliencyMap", params: null });
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(link.unansweredMs >= 15, `${link.unansweredMs} ms`);
  link.receive({ id: 3, method: "embed", params: null });
  const failed = await come(2);
  assert.deepEqual(failed.map(({ id, error }) => [id, error?.name]), [
    [2, "Unavailable"],
    [3, "Unavailable"],
  ]);
  assert.equal(link.unansweredMs, 0);
  link.receive({ id: 4, method: "predict", params: "two" });
  assert.deepEqual(await come(1), [{ id: 4, result: "two" }]);
  link.close();
});
