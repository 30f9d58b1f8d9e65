/** Two real workers on one data directory that no server started. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { newJob } from "@/lib/jobs/queue.ts";
import { LEASE_MS } from "@/lib/store/lease.ts";
import { type JobRow, openStore, type Store } from "@/lib/store/mod.ts";
import { pass } from "../support/passing.ts";
import { until } from "../support/server.ts";
import { withDirectory, withStore } from "../support/temporary.ts";

const program = fileURLToPath(new URL("../support/worker.ts", import.meta.url));

function start(store: Store, name: string): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--quiet", program, store.directory, name, "alone"],
    stdin: "piped",
    stdout: "null",
    stderr: "null",
  }).spawn();
}

const told = (...jobs: JobRow[]) =>
  jobs.map(({ id, state, worker, error, progress }) =>
    JSON.stringify({ id, state, worker, error, progress })
  ).join("\n");

Deno.test("both work, and neither takes what the other runs; what a killed one ran goes on elsewhere", () =>
  withStore(async (store) => {
    const workers = ["first", "second"].map((name) => start(store, name));
    try {
      await until(async () => await store.workers.count() === 2, 60_000);
      const ids = await Promise.all(
        [1, 2].map(async () =>
          (await store.jobs.insert(newJob("count", { to: 100_000, ms: 10 }))).id
        ),
      );
      const jobs = async () => (await Promise.all(ids.map(async (id) => await store.jobs.get(id))));
      await until(async () => (await jobs()).every(({ state }) => state === "running"), 20_000);
      assert.deepEqual((await jobs()).map(({ worker }) => worker).toSorted(), ["first", "second"]);
      await until(
        async () => (await jobs()).every(({ progress }) => progress.done > 60),
        60_000,
        async () => told(...await jobs()),
      );
      assert.deepEqual((await jobs()).map(({ fence, attempts }) => [fence, attempts]), [[1, 0], [
        1,
        0,
      ]]);

      const lost = (await jobs()).find(({ worker }) => worker === "first")!;
      workers[0].kill("SIGKILL");
      await workers[0].status;
      const other = ids.find((id) => id !== lost.id)!;
      await store.jobs.cancel(other);
      await until(async () => (await store.jobs.get(other)).state === "cancelled", 10_000);
      await new Promise((resolve) => setTimeout(resolve, 1500));
      assert.equal((await store.jobs.get(lost.id)).worker, "first", "its lease has not ended");
      // So much time goes by.
      await pass(store, LEASE_MS);
      await until(async () => (await store.jobs.get(lost.id)).worker === "second", 10_000);
      await until(
        async () => (await store.jobs.get(lost.id)).progress.done > lost.progress.done,
        30_000,
        async () => told(await store.jobs.get(lost.id)),
      );
      assert.equal((await store.jobs.get(lost.id)).fence, 2);

      workers[1].kill("SIGTERM");
      assert.equal((await workers[1].status).code, 0);
      const left = await store.jobs.get(lost.id);
      assert.deepEqual([left.state, left.worker, left.attempts], ["queued", null, 0]);
      const { data } = await store.events.list(left.id, { limit: 1000 });
      const last = { state: "queued", reason: "its worker leaves", attempt: left.fence };
      assert.deepEqual(data.at(-1)!.data, last);
    } finally {
      for (const worker of workers) {
        try {
          worker.kill("SIGKILL");
        } catch { /* it has ended */ }
        await worker.status;
        await worker.stdin.close().catch(() => {});
      }
    }
  }));

Deno.test("deno task worker serves the directory that MCGIP_DATA names, and leaves when asked", () =>
  withDirectory(async (directory) => {
    const store = await openStore(`${directory}/elsewhere`);
    const root = fileURLToPath(new URL("../../", import.meta.url));
    const { tasks } = JSON.parse(Deno.readTextFileSync(`${root}/deno.json`));
    const worker = new Deno.Command(Deno.execPath(), {
      args: tasks.worker.command.split(" ").slice(1),
      cwd: root,
      env: { MCGIP_DATA: store.directory },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    let said = "";
    const heard = (async () => {
      for await (const text of worker.stderr.pipeThrough(new TextDecoderStream())) said += text;
    })();
    try {
      await until(async () => await store.workers.count() === 1, 60_000);
      // It is there before it has looked for a GPU.
      await until(() => /Jobs run on |There is no GPU/.test(said), 60_000);
      worker.kill("SIGTERM");
      assert.equal((await worker.status).code, 0);
      await heard;
      assert.equal(await store.workers.count(), 0);
      assert.ok(said.includes(`1 worker on the jobs of ${store.directory}`));
      assert.match(said, /asked to leave \(SIGTERM\)/);
    } finally {
      try {
        worker.kill("SIGKILL");
      } catch { /* it has ended */ }
      await worker.status;
      await store.close();
    }
  }));
