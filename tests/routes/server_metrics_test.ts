/** What `/metrics` tells while a training runs, and after it. */
import assert from "node:assert/strict";
import { readExposition } from "../support/exposition.ts";
import { until, withServer } from "../support/server.ts";
import { upload } from "../support/small_set.ts";

Deno.test("/metrics: step time, batch size and GPU bytes of the running training, gone when it ends", async () => {
  await withServer(async (server) => {
    await server.ready();
    await upload(server, "breast");
    const figures = async () => {
      const response = await server.fetch("/metrics");
      assert.equal(
        response.headers.get("content-type"),
        "text/plain; version=0.0.4; charset=utf-8",
      );
      const families = readExposition(await response.text());
      for (const [name, { help }] of families) assert.match(help, /^[A-Z].*\.$/, name);
      return (name: string) => families.get(`mcgip_${name}`)?.samples[0]?.value;
    };
    const idle = await figures();
    assert.equal(idle("training_step_seconds"), undefined);
    assert.equal(idle("training_batch_size"), undefined);
    assert.equal(idle("worker_up"), 1);
    assert.equal(idle("build_info"), 1);
    const job = await server.json<{ id: string }>("POST", "/v1/jobs", {
      ...{ kind: "pretrain", dataset: "breast", method: "byol", arm: "none", seed: 1 },
      ...{ backbone: "resnet18", width: 8, image_size: 32, batch_size: 4, epochs: 1000 },
    });
    let now = idle;
    const training = async () => (now = await figures())("training_step_seconds") !== undefined;
    await until(training, 60_000, server.log);
    const seconds = now("training_step_seconds")!;
    assert.ok(seconds > 0 && seconds < 60, `${seconds}`);
    assert.equal(now("training_batch_size"), 4);
    // ResNet-18 of width 8 has 0.17 million weights; each has a gradient, a momentum and a target.
    assert.ok(now("gpu_memory_bytes")! > (idle("gpu_memory_bytes") ?? 0) + 1e6);
    await server.json("POST", `/v1/jobs/${job.id}/cancel`);
    await until(async () => !await training(), 60_000, server.log);
    assert.equal(now("training_batch_size"), undefined);
  });
});
