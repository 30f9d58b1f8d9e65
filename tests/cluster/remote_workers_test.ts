/** Servers that only serve, on one database and one bucket, and workers on other machines that know all of them. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { readCluster } from "@/lib/cluster_settings.ts";
import { codeVersion } from "@/lib/config.ts";
import { newJob } from "@/lib/jobs/queue.ts";
import { checkout } from "@/lib/launcher.ts";
import { LEASE_MS } from "@/lib/store/lease.ts";
import { openStore } from "@/lib/store/mod.ts";
import { type Child, startChild } from "../support/child.ts";
import { root } from "../support/imports.ts";
import { pass } from "../support/passing.ts";
import { postgresTest } from "../support/postgres.ts";
import { clusterEnvironment, startS3rver } from "../support/s3_servers.ts";
import { freePort, startServer, type TestServer, until } from "../support/server.ts";
import { withDirectory } from "../support/temporary.ts";

const program = fileURLToPath(new URL("../support/worker.ts", import.meta.url));
const config = fileURLToPath(new URL("../deno.json", import.meta.url));

interface Told {
  name: string;
  ready: boolean;
}

postgresTest("workers of a cluster whose servers have none of their own", async (postgres, t) => {
  const s3 = await startS3rver();
  const env = clusterEnvironment(s3, await postgres.database(), { MCGIP_WORKERS: "0" });
  await withDirectory(async (folder) => {
    const ports = [freePort(), freePort()];
    const start = (i: number) =>
      startServer({ data: `${folder}/server ${i}`, port: ports[i], env });
    const servers: TestServer[] = [await start(0), await start(1)];
    const apis = servers.map(({ url }) => url).join(",");
    const store = await openStore(`${folder}/test`, {
      shared: true,
      cluster: readCluster((name) => env[name]),
    });
    const workers = new Map<string, Child>();
    const log = () =>
      servers.map((server) => server.log()).join("\n") +
      [...workers].map(([name, worker]) => `${name}:\n${worker.log()}`).join("\n");
    const workersOf = async (server: TestServer) =>
      (await server.json<{ data: Told[] }>("GET", "/v1/workers")).data;
    const stepsOf = async (id: string) =>
      (await store.db.all<{ step: number }>(
        "SELECT step FROM metrics WHERE job_id = ? ORDER BY step",
        id,
      )).map(({ step }) => step);
    const count = async (to: number, ms: number) =>
      (await store.jobs.insert(newJob("count", { to, ms }))).id;
    const ended = (id: string) =>
      until(
        async () => (await store.jobs.get(id)).state === "succeeded",
        180_000,
        async () => `${JSON.stringify(await store.jobs.get(id))}\n${log()}`,
      );
    try {
      await t.step("a server without a worker says so", async () => {
        assert.deepEqual(await workersOf(servers[0]), []);
        const { detail } = await servers[0].json<{ detail: string }>("GET", "/v1/device");
        assert.match(detail, /has no worker of its own, and no other one is linked/);
        assert.equal(servers[0].children().worker, undefined);
      });

      const { key } = await servers[0].json<{ key: string }>("POST", "/v1/keys", {
        name: "gpu",
        scopes: ["work"],
      });
      const version = codeVersion(checkout());
      for (const name of ["first", "second"]) {
        const args = ["run", "-A", "--no-check", "--quiet", `--config=${config}`, program];
        workers.set(
          name,
          startChild(
            Deno.execPath(),
            [...args, `${folder}/${name}`, name, "elsewhere", apis, key, version],
            { stdin: true },
          ),
        );
      }
      // Keys of one server are known to the other after some seconds.
      await until(
        async () => (await workersOf(servers[0])).filter(({ ready }) => ready).length === 2,
        60_000,
        log,
      );

      await t.step("their figures are told apart", async () => {
        // With the first beat of each.
        await until(async () => {
          const text = await (await servers[0].fetch("/metrics")).text();
          return [...workers.keys()].every((name) =>
            text.includes(`\nmcgip_worker_busy{worker="${name}"} 0\n`)
          );
        }, 60_000);
      });

      await t.step("a worker on the database itself has all rights that it needs", async () => {
        const { tasks } = JSON.parse(Deno.readTextFileSync(`${root}/deno.json`));
        const worker = startChild(Deno.execPath(), tasks.worker.command.split(" ").slice(1), {
          ...{ cwd: root, env: { ...env, MCGIP_DATA: `${folder}/alone`, MCGIP_LOG: "json" } },
        });
        try {
          await until(async () => await store.workers.count() === 3, 60_000, worker.log);
          await until(() => /Jobs run on |There is no GPU/.test(worker.log()), 60_000, worker.log);
        } finally {
          await worker.stop();
        }
        assert.equal(await store.workers.count(), 2, worker.log());
        const lines = worker.log().trim().split("\n");
        for (const line of lines) assert.equal(typeof JSON.parse(line).message, "string", line);
        assert.ok(!/"level":"error"/.test(worker.log()), worker.log());
      });

      await t.step("what is queued at either server starts at once", async () => {
        const id = await count(3, 10);
        await ended(id);
        const times: number[] = [];
        for (let i = 0; i < 7; i++) {
          await new Promise((resolve) => setTimeout(resolve, 300));
          const started = Date.now();
          const id = await count(1, 1);
          await ended(id);
          times.push(Date.parse((await store.jobs.get(id)).started_at!) - started);
        }
        const median = times.sort((a, b) => a - b)[3];
        console.log(`from queueing to the start of the job: median ${median} ms`);
        assert.ok(median < 700, `${times}`);
      });

      await t.step(
        "a server is killed: its workers link to the next one, and their jobs go on",
        async () => {
          const ids = [await count(400, 20), await count(400, 20)];
          const jobs = () => Promise.all(ids.map((id) => store.jobs.get(id)));
          await until(
            async () => (await jobs()).every(({ progress }) => progress.done > 60),
            60_000,
            log,
          );
          await servers[0].stop("SIGKILL");
          for (const id of ids) await ended(id);
          for (const { id, fence, result } of await jobs()) {
            assert.equal(fence, 1, "nobody else had to take it up");
            assert.deepEqual(result, { starts: [0] });
            assert.deepEqual(await stepsOf(id), [...new Array(400).keys()]);
          }
          const names = (await workersOf(servers[1])).map(({ name }) => name);
          assert.deepEqual(names, ["first", "second"]);
        },
      );

      await t.step("a worker is killed: its job goes on elsewhere, from the bucket", async () => {
        const id = await count(400, 20);
        await until(
          async () => (await store.checkpointRows.ofJob(id)).length > 0,
          60_000,
          log,
        );
        const { worker } = await store.jobs.get(id);
        await workers.get(worker!)!.stop("SIGKILL");
        await pass(store, LEASE_MS);
        await ended(id);
        const { starts } = (await store.jobs.get(id)).result as { starts: number[] };
        assert.equal(starts.length, 2);
        assert.ok(starts[1] >= 10, `it went on from ${starts[1]}`);
        assert.deepEqual(await stepsOf(id), [...new Array(400).keys()]);
      });
    } finally {
      for (const worker of workers.values()) await worker.stop("SIGKILL");
      for (const server of servers) await server.stop("SIGKILL");
      await store.close();
    }
  });
  await s3.stop();
});
