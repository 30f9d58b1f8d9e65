/** Workers on other machines: real processes, linked to a real server over HTTP, which share no directory with it. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { codeVersion } from "@/lib/config.ts";
import { newJob } from "@/lib/jobs/queue.ts";
import { checkout } from "@/lib/launcher.ts";
import { LEASE_MS } from "@/lib/store/lease.ts";
import { openStore, type Store } from "@/lib/store/mod.ts";
import { type TestServer, until, withServer } from "../support/server.ts";
import { withDirectory } from "../support/temporary.ts";

const program = fileURLToPath(new URL("../support/worker.ts", import.meta.url));

interface Started {
  process: Deno.ChildProcess;
  log(): string;
}

interface World {
  server: TestServer;
  /** The server's own; its worker runs none of the jobs that are put here. */
  store: Store;
  key: string;
  /** Starts a worker with a directory of its own. */
  start(name: string, more?: { key?: string; version?: string }): Started;
}

async function keyOf(server: TestServer, ...scopes: string[]): Promise<string> {
  const { key } = await server.json<{ key: string }>("POST", "/v1/keys", { name: "gpu", scopes });
  return key;
}

function withWorld(body: (world: World) => Promise<void>): Promise<void> {
  return withDirectory((directory) =>
    withServer(async (server) => {
      const key = await keyOf(server, "work");
      const store = await openStore(server.data, { shared: true });
      const started: Started[] = [];
      try {
        await body({
          ...{ server, store, key },
          start(name, more = {}) {
            const version = more.version ?? codeVersion(checkout());
            const args = [`${directory}/${name}`, name, "elsewhere", server.url];
            const process = new Deno.Command(Deno.execPath(), {
              args: ["run", "-A", "--no-check", "--quiet", program, ...args, more.key ?? key, version],
              stdin: "piped",
              stdout: "null",
              stderr: "piped",
            }).spawn();
            let text = "";
            (async () => {
              for await (const part of process.stderr.pipeThrough(new TextDecoderStream())) {
                text += part;
              }
            })();
            started.push({ process, log: () => text });
            return started.at(-1)!;
          },
        });
      } finally {
        for (const { process } of started) {
          try {
            process.kill("SIGKILL");
          } catch { /* it has ended */ }
          await process.status;
          await process.stdin.close().catch(() => {});
        }
        await store.close();
      }
    })
  );
}

interface WorkerView {
  name: string;
  local: boolean;
  ready: boolean;
  job: string | null;
}

const workersOf = async (server: TestServer) =>
  (await server.json<{ data: WorkerView[] }>("GET", "/v1/workers")).data;

const linked = (server: TestServer, ...names: string[]) =>
  until(
    async () => {
      const ready = (await workersOf(server)).filter(({ local, ready }) => !local && ready);
      return names.every((name) => ready.some((worker) => worker.name === name));
    },
    60_000,
    server.log,
  );

const count = async (store: Store, to: number, ms: number) =>
  (await store.jobs.insert(newJob("count", { to, ms }))).id;

const reach = (store: Store, id: string, state: string, more: () => string) =>
  until(
    async () => (await store.jobs.get(id)).state === state,
    60_000,
    async () => `${JSON.stringify(await store.jobs.get(id))}\n${more()}`,
  );

Deno.test("two workers elsewhere share a queue; what a killed one ran goes on elsewhere from its last checkpoint", () =>
  withWorld(async ({ server, store, start }) => {
    const workers = [start("first"), start("second")];
    await linked(server, "first", "second");
    const log = () => server.log() + workers.map((worker) => worker.log()).join("\n");

    const ids = [await count(store, 400, 20), await count(store, 400, 20)];
    const jobs = () => Promise.all(ids.map(async (id) => await store.jobs.get(id)));
    await until(
      async () => (await jobs()).every(({ progress }) => progress.done > 100),
      60_000,
      log,
    );
    assert.deepEqual((await jobs()).map(({ worker }) => worker).toSorted(), ["first", "second"]);
    const told = (await workersOf(server)).filter(({ local }) => !local).map(({ job }) => job);
    assert.deepEqual(told.toSorted(), ids.toSorted());

    const [lost] = (await jobs()).filter(({ worker }) => worker === "first");
    workers[0].process.kill("SIGKILL");
    await workers[0].process.status;
    const other = ids.find((id) => id !== lost.id)!;
    await reach(store, other, "succeeded", log);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    assert.equal((await store.jobs.get(lost.id)).worker, "first", "its lease has not ended");
    // So much time goes by.
    await store.db.run("UPDATE jobs SET lease_until = lease_until - ?", LEASE_MS);
    await reach(store, lost.id, "succeeded", log);
    const { result, fence } = await store.jobs.get(lost.id);
    const { starts } = result as { starts: number[] };
    assert.equal(fence, 2);
    assert.equal(starts.length, 2);
    assert.ok(starts[1] >= 10, `it went on from ${starts[1]}`);
    const { data } = await store.metrics.list(lost.id, { limit: 1000 });
    assert.equal(new Set(data.map(({ step }) => step)).size, data.length, "each point once");

    const states = (await store.events.list(lost.id, { limit: 1000 })).data
      .filter(({ type }) => type === "state").map(({ data }) => data.state);
    assert.deepEqual(states, ["running", "running", "succeeded"]);
  }));

Deno.test("a server that is started again finds its workers at work, and what they told meanwhile", () =>
  withWorld(async ({ server, store, start }) => {
    const worker = start("only");
    await linked(server, "only");
    const log = () => server.log() + worker.log();
    const id = await count(store, 600, 20);
    await until(async () => (await store.jobs.get(id)).progress.done > 60, 60_000, log);
    const { api } = server.children();
    Deno.kill(api!, "SIGKILL");
    await reach(store, id, "succeeded", log);
    const { fence, result } = await store.jobs.get(id);
    assert.deepEqual([fence, result], [1, { starts: [0] }], log());
    const steps = (await store.db.all<{ step: number }>(
      "SELECT step FROM metrics WHERE job_id = ? ORDER BY step",
      id,
    )).map(({ step }) => step);
    assert.deepEqual(steps, [...new Array(600).keys()]);
  }));

Deno.test("who may not link: keys without the scope, other versions, names of others", () =>
  withWorld(async ({ server, store, start }) => {
    for (const path of ["/v1/work?worker=x", `/v1/work/files/${"0".repeat(64)}?worker=x`]) {
      for (const [key, status] of [["wrong-key-0123456789", 401], [server.key, 403]] as const) {
        const upgrade = path.startsWith("/v1/work?");
        if (upgrade) {
          const socket = new WebSocket(
            server.url.replace("http", "ws") + path,
            { headers: { authorization: `Bearer ${key}` } } as never,
          );
          const error = await new Promise<string>((resolve) => {
            socket.onerror = (event) => resolve((event as ErrorEvent).message);
            socket.onopen = () => resolve("open");
          });
          assert.match(error, new RegExp(String(status)));
          continue;
        }
        const response = await server.fetch(path, { headers: { authorization: `Bearer ${key}` } });
        await response.body?.cancel();
        assert.equal(response.status, status, path);
      }
    }
    const other = start("other", { version: "0.0.1" });
    await until(() => other.log().includes("Cannot work here with version 0.0.1"), 60_000, other.log);

    const worker = start("mine");
    await linked(server, "mine");
    const { fetch: ask } = server;
    const read = async (key: string, sha256: string) => {
      const path = `/v1/work/files/${sha256}?worker=mine`;
      const response = await ask(path, { headers: { authorization: `Bearer ${key}` } });
      return [response.status, (await response.json()).detail];
    };
    const stranger = await keyOf(server, "work");
    assert.equal((await read(stranger, "0".repeat(64)))[0], 503, worker.log());
    const { sha256 } = await store.files.put(new TextEncoder().encode("of another job"));
    const { key } = await server.json<{ key: string }>("POST", "/v1/keys", {
      name: "third",
      scopes: ["work"],
    });
    assert.equal((await read(key, sha256))[0], 503);
  }));
