/** Real worker processes with simple jobs: killed, paused, cancelled, left; and what the queue makes of it. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { control, newJob } from "@/lib/jobs/queue.ts";
import { maxCrashes } from "@/lib/worker/job_runner.ts";
import { StoreDesk } from "@/lib/worker/store_desk.ts";
import { Supervisor } from "@/lib/worker/supervisor.ts";
import { type JobRow, type Store } from "@/lib/store/mod.ts";
import { until } from "../support/server.ts";
import { withStore } from "../support/temporary.ts";

const program = fileURLToPath(new URL("../support/worker.ts", import.meta.url));

async function queue(
  store: Store,
  kind: string,
  spec: Record<string, unknown> = {},
): Promise<string> {
  return (await store.jobs.insert(newJob(kind, spec))).id;
}

async function withWorker(
  body: (store: Store, supervisor: Supervisor, log: string[]) => Promise<void>,
): Promise<void> {
  await withStore(async (store) => {
    const log: string[] = [];
    const supervisor = new Supervisor({
      command: {
        path: Deno.execPath(),
        args: ["run", "-A", "--no-check", "--quiet", program, store.directory],
      },
      desk: (name) => new StoreDesk(store, name),
      log: (text) => log.push(text),
    });
    supervisor.start();
    try {
      await until(() => supervisor.ready, 20_000, () => log.join("\n"));
      await body(store, supervisor, log);
    } finally {
      await supervisor.stop(5_000);
    }
  });
}

/** Waits until the job is in a state. */
async function reach(store: Store, id: string, state: JobRow["state"], ms = 20_000) {
  await until(
    async () => (await store.jobs.get(id)).state === state,
    ms,
    async () =>
      JSON.stringify([await store.jobs.get(id), (await store.events.list(id)).data], null, 1),
  );
  return await store.jobs.get(id);
}

const states = async (store: Store, id: string) =>
  (await store.events.list(id, { limit: 1000 })).data
    .filter(({ type }) => type === "state").map(({ data }) => data.state);

Deno.test("a job runs; progress, metrics, events and device are kept", async () => {
  await withWorker(async (store, supervisor) => {
    const id = await queue(store, "count", { to: 25, ms: 1 });
    supervisor.notify("wake");
    const job = await reach(store, id, "succeeded");
    assert.deepEqual(job.result, { starts: [0] });
    assert.deepEqual(job.progress, { done: 25, total: 25, unit: "steps" });
    assert.equal(job.device?.software, supervisor.device?.gpu?.software);
    assert.ok(job.started_at && job.finished_at && job.estimated_finish === null);
    const metrics = await store.metrics.list(id);
    assert.deepEqual(metrics.map(({ value }) => value), Array.from({ length: 25 }, (_, i) => i));
    assert.deepEqual(await states(store, id), ["running", "succeeded"]);
    const checkpoints = (await store.events.list(id, { limit: 1000 })).data
      .filter(({ type }) => type === "checkpoint").map(({ data }) => data.step);
    assert.deepEqual(checkpoints, [0, 10, 20]);
    assert.throws(() => Deno.statSync(store.checkpoints(id)), Deno.errors.NotFound);
  });
});

Deno.test("kill -9 of the worker: ready again within 5 s, the job goes on from its checkpoint", async () => {
  await withWorker(async (store, supervisor, log) => {
    const id = await queue(store, "count", { to: 300, ms: 5 });
    supervisor.notify("wake");
    const kills = 3;
    for (let kill = 1; kill <= kills; kill++) {
      const before = (await store.jobs.get(id)).progress.done;
      await until(async () => (await store.jobs.get(id)).progress.done > before + 12, 20_000);
      const { pid } = supervisor;
      Deno.kill(pid!, "SIGKILL");
      const killed = Date.now();
      await until(() => supervisor.ready && supervisor.pid !== pid, 10_000, () => log.join("\n"));
      assert.ok(Date.now() - killed < 5000, `ready after ${Date.now() - killed} ms`);
      if (kill < kills) {
        await until(async () => (await store.jobs.get(id)).fence === kill + 1, 5_000);
      }
    }
    const job = await reach(store, id, "succeeded");
    const { starts } = job.result as { starts: number[] };
    assert.equal(starts.length, kills + 1);
    assert.ok(starts[1] >= 10, `${starts}`);
    assert.ok(starts.every((at, i) => at % 10 === 0 && (i === 0 || at >= starts[i - 1])));
    assert.equal((await store.metrics.list(id)).length, 300);
    assert.equal(supervisor.restarts, kills);
  });
});

Deno.test("a job that takes its worker down every time fails with the reason", async () => {
  await withWorker(async (store, supervisor) => {
    const id = await queue(store, "crash");
    const next = await queue(store, "count", { to: 3, ms: 1 });
    supervisor.notify("wake");
    const job = await reach(store, id, "failed", 30_000);
    assert.match(job.error!, /^Cannot go on: the worker died 3 times since the last checkpoint$/);
    // The first run made a checkpoint: it does not count.
    assert.equal(supervisor.restarts, maxCrashes + 1);
    await reach(store, next, "succeeded");
  });
});

Deno.test("pause keeps the checkpoint, resume goes on, cancel ends", async () => {
  await withWorker(async (store, supervisor) => {
    const id = await queue(store, "count", { to: 5000, ms: 20 });
    const waiting = await queue(store, "count", { to: 5, ms: 1 });
    supervisor.notify("wake");
    await until(async () => (await store.jobs.get(id)).progress.done > 15, 10_000);
    await control(store, id, "pause");
    await reach(store, id, "paused");
    await reach(store, waiting, "succeeded");
    const { done } = (await store.jobs.get(id)).progress;
    await control(store, id, "resume");
    supervisor.notify("wake");
    await until(async () => (await store.jobs.get(id)).progress.done > done + 15, 10_000);
    await control(store, id, "cancel");
    const job = await reach(store, id, "cancelled");
    assert.ok(job.finished_at);
    assert.deepEqual(await states(store, id), [
      "running",
      "paused",
      "queued",
      "running",
      "cancelled",
    ]);
    await assert.rejects(async () => await control(store, id, "resume"), /Cannot resume/);
    assert.throws(() => Deno.statSync(store.checkpoints(id)), Deno.errors.NotFound);
  });
});

Deno.test("leaving puts the running job back into the queue, without counting a crash", async () => {
  await withStore(async (store) => {
    const command = {
      path: Deno.execPath(),
      args: ["run", "-A", "--no-check", "--quiet", program, store.directory],
    };
    const id = await queue(store, "count", { to: 100, ms: 10 });
    for (const goal of [15, 45]) {
      const supervisor = new Supervisor({
        command,
        desk: (name) => new StoreDesk(store, name),
        log() {},
      });
      supervisor.start();
      await until(async () => (await store.jobs.get(id)).progress.done > goal, 20_000);
      await supervisor.stop(10_000);
      const job = await store.jobs.get(id);
      assert.equal(job.state, "queued");
      assert.equal(job.attempts, 0);
      assert.equal(supervisor.restarts, 0);
    }
    assert.deepEqual(await states(store, id), ["running", "queued", "running", "queued"]);
  });
});

Deno.test("the heart beats while the GPU thread is blocked", async () => {
  await withWorker(async (store, supervisor) => {
    const id = await queue(store, "block", { ms: 3500 });
    supervisor.notify("wake");
    await reach(store, id, "running");
    const beats = new Set<number>();
    await until(async () => {
      beats.add(supervisor.beat!.time);
      return (await store.jobs.get(id)).state === "succeeded";
    }, 10_000);
    assert.ok(beats.size >= 3, `${beats.size} beats in 3.5 s`);
    assert.equal(supervisor.restarts, 0);
  });
});

Deno.test("an error of a handler is the job's error, and the worker lives on", async () => {
  await withWorker(async (store, supervisor) => {
    const id = await queue(store, "refuse");
    supervisor.notify("wake");
    const job = await reach(store, id, "failed");
    assert.equal(job.error, "Cannot do this: it is not meant to work");
    assert.equal(supervisor.restarts, 0);
  });
});

Deno.test("calls that wait for a worker that dies are told so", async () => {
  await withWorker(async (_, supervisor) => {
    await assert.rejects(supervisor.call("nonsense", {}), /no such method/);
    await assert.rejects(
      supervisor.call("predict", { model: "mod_none", pictures: [] }),
      { name: "NotFound" },
    );
    Deno.kill(supervisor.pid!, "SIGKILL");
    await until(() => !supervisor.ready, 5_000);
    await assert.rejects(supervisor.call("predict", {}), { name: "Unavailable" });
    await until(() => supervisor.ready, 5_000);
  });
});
