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
    assert.ok(now("disk_free_bytes")! > 0 && now("disk_free_bytes")! <= now("disk_bytes")!);
    assert.ok(now("database_bytes")! > 100_000);
    assert.equal(now("datasets"), 1);
    assert.equal(now("models"), 0);
    assert.ok(Math.abs(now("start_time_seconds")! - Date.now() / 1000) < 300);
    assert.ok(now("event_loop_late_seconds")! >= 0 && now("event_loop_late_seconds")! < 60);
  });
});

/** Prometheus' own client for Python; Debian: python3-prometheus-client. */
const PARSER = `
import sys
from prometheus_client.parser import text_string_to_metric_families
families = list(text_string_to_metric_families(sys.stdin.read()))
print(len(families), sum(len(family.samples) for family in families))
`;

const run = async (command: string, args: string[], input: string) => {
  const child = new Deno.Command(command, {
    args,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const [out, error] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, out, error };
};

const has = async (command: string, args: string[]) => {
  try {
    return (await new Deno.Command(command, { args, stderr: "null" }).output()).success;
  } catch {
    return false;
  }
};

Deno.test("/metrics is accepted by Prometheus' own parsers", async (t) => {
  await withServer(async (server) => {
    await upload(server, "breast", 4);
    for (const path of ["/v1/jobs", "/v1/none", "/v1/datasets/breast"]) {
      await (await server.fetch(path)).body?.cancel();
    }
    const text = await (await server.fetch("/metrics")).text();
    const own = readExposition(text);
    await t.step({
      name: "the client for Python (python3-prometheus-client)",
      ignore: !await has("/usr/bin/python3", ["-c", "import prometheus_client"]),
      async fn() {
        const { code, out, error } = await run("/usr/bin/python3", ["-c", PARSER], text);
        assert.equal(code, 0, error);
        const samples = own.values().reduce((sum, { samples }) => sum + samples.length, 0);
        assert.equal(out.trim(), `${own.size} ${samples}`);
      },
    });
    await t.step({
      name: "promtool check metrics (prometheus)",
      ignore: !await has("promtool", ["--version"]),
      async fn() {
        const { code, out, error } = await run("promtool", ["check", "metrics"], text);
        assert.deepEqual([code, out, error], [0, "", ""]);
      },
    });
  });
});
