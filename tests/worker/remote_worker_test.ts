/** Workers on other machines: real processes, linked to a real server over HTTP, which share no directory with it. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { codeVersion } from "@/lib/config.ts";
import { newJob } from "@/lib/jobs/queue.ts";
import { checkout } from "@/lib/launcher.ts";
import { LEASE_MS } from "@/lib/store/lease.ts";
import { openStore, type Store } from "@/lib/store/mod.ts";
import { BEAT_MS } from "@/lib/worker/beat.ts";
import { LINK_MS } from "@/lib/worker/session.ts";
import { pass } from "../support/passing.ts";
import { type TestServer, until, withServer } from "../support/server.ts";
import { TcpProxy } from "../support/tcp_proxy.ts";
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
  start(name: string, more?: { key?: string; version?: string; api?: string }): Started;
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
            const args = [`${directory}/${name}`, name, "elsewhere", more.api ?? server.url];
            const process = new Deno.Command(Deno.execPath(), {
              args: [
                "run",
                "-A",
                "--no-check",
                "--quiet",
                program,
                ...args,
                more.key ?? key,
                version,
              ],
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
  detail: string | null;
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

/** Steps of the points of a job's series. */
async function stepsOf(store: Store, id: string): Promise<number[]> {
  const sql = "SELECT step FROM metrics WHERE job_id = ? ORDER BY step";
  return (await store.db.all<{ step: number }>(sql, id)).map(({ step }) => step);
}

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
    await pass(store, LEASE_MS);
    await reach(store, lost.id, "succeeded", log);
    const { result, fence } = await store.jobs.get(lost.id);
    const { starts } = result as { starts: number[] };
    assert.equal(fence, 2);
    assert.equal(starts.length, 2);
    assert.ok(starts[1] >= 10, `it went on from ${starts[1]}`);
    assert.deepEqual(await stepsOf(store, lost.id), [...new Array(400).keys()]);
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
    assert.deepEqual(await stepsOf(store, id), [...new Array(600).keys()]);
  }));

Deno.test("behind a network that only drops, a worker goes on, tells later, and links itself anew once", () =>
  withWorld(async ({ server, store, start }) => {
    const way = await TcpProxy.start(Number(new URL(server.url).port));
    try {
      const worker = start("only", { api: way.url });
      await linked(server, "only");
      const log = () => server.log() + worker.log();
      const id = await count(store, 1500, 20);
      const done = async () => (await store.jobs.get(id)).progress.done;
      await until(async () => await done() > 20, 60_000, log);
      way.cut();
      const before = await done();
      const cut = performance.now();
      await until(() => worker.log().includes("nothing was heard of the server"), 20_000, log);
      assert.ok(performance.now() - cut > LINK_MS / 2, "and it says nothing for as long as it may");
      // What was there stays dead; only new connections come through.
      way.mend("forgotten");
      await until(async () => await done() > before + 100, 60_000, log);
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      const times = worker.log().split("nothing was heard of the server").length - 1;
      assert.equal(times, 1, worker.log());
      await reach(store, id, "succeeded", log);
      const { fence, result } = await store.jobs.get(id);
      assert.deepEqual([fence, result], [1, { starts: [0] }], log());
      assert.deepEqual(await stepsOf(store, id), [...new Array(1500).keys()]);
    } finally {
      await way.stop();
    }
  }));

/** "open", or why a link is refused. */
async function handshake(server: TestServer, name: string, key: string): Promise<string> {
  const headers = { authorization: `Bearer ${key}` };
  const url = `${server.url.replace("http", "ws")}/v1/workers/${name}/link`;
  const socket = new WebSocket(url, { headers } as never);
  const said = await new Promise<string>((resolve) => {
    socket.onerror = (event) => resolve((event as ErrorEvent).message);
    socket.onopen = () => resolve("open");
  });
  socket.close();
  return said;
}

Deno.test("a name that another worker has cannot be linked: it would be given that one's job", () =>
  withWorld(async ({ server, store, key, start }) => {
    const [own] = await workersOf(server);
    assert.ok(own.local);
    assert.match(await handshake(server, own.name, key), /409/);
    // Of another server on the same database.
    assert.match(await handshake(server, `server-${crypto.randomUUID()}`, key), /409/);
    await store.workers.hold("beside");
    assert.match(await handshake(server, "beside", key), /409/);

    start("mine");
    await linked(server, "mine");
    const other = await keyOf(server, "work");
    assert.match(await handshake(server, "mine", other), /409/);
    assert.equal(await handshake(server, "free", other), "open");

    // What another server on the database would say.
    const ids = (await server.json<{ data: { id: string; scopes: string[] }[] }>("GET", "/v1/keys"))
      .data.filter(({ scopes }) => scopes.includes("work")).map(({ id }) => id);
    const may = async () => await Promise.all(ids.map((id) => store.workers.take("mine", id)));
    assert.deepEqual((await may()).toSorted(), [false, true]);
    await store.workers.remove("mine");
    assert.deepEqual(await may(), [true, true], "nobody lives under the name any more");
  }));

Deno.test("who may not link: keys without the scope, programs of another version", () =>
  withWorld(async ({ server, start }) => {
    for (const [key, status] of [["wrong-key-0123456789", 401], [server.key, 403]] as const) {
      const headers = { authorization: `Bearer ${key}` };
      assert.match(await handshake(server, "x", key), new RegExp(String(status)));
      const path = `/v1/workers/x/files/${"0".repeat(64)}`;
      const response = await server.fetch(path, { headers });
      await response.body?.cancel();
      assert.equal(response.status, status, path);
      // A worker says what to do about it, and leaves as soon as it is asked to.
      const refused = start(`refused-${status}`, { key });
      await until(
        () => refused.log().includes("deno task keys make NAME --scopes work"),
        60_000,
        refused.log,
      );
      const asked = performance.now();
      refused.process.kill("SIGTERM");
      assert.equal((await refused.process.status).code, 0);
      assert.ok(performance.now() - asked < 10_000, "there is nobody to wait for");
    }
    const other = start("other", { version: "0.0.1" });
    const refusal = "Cannot work here with version 0.0.1";
    await until(() => other.log().includes(refusal), 60_000, other.log);
    const [own, ...more] = await workersOf(server);
    assert.ok(own.local);
    assert.deepEqual(more.map(({ name, ready }) => [name, ready]), [["other", false]]);
    assert.match(more[0].detail!, new RegExp(`^${refusal}: the server is .*; bring the worker to`));
    const said = server.log().match(/worker other is refused: Cannot work here/g);
    assert.equal(said?.length, 1, "once, though it asks again and again");
  }));

Deno.test("files go to those whose job names them, and come as they were announced", () =>
  withWorld(async ({ server, store, key, start }) => {
    const worker = start("mine");
    await linked(server, "mine");
    const send = async (key: string, method: string, path: string, body?: string) => {
      const headers = {
        authorization: `Bearer ${key}`,
        "content-type": "application/octet-stream",
      };
      const response = await server.fetch(`/v1/workers/mine/${path}`, { method, headers, body });
      const text = await response.text();
      return { status: response.status, detail: text && JSON.parse(text).detail as string };
    };
    const { sha256 } = await store.files.put(new TextEncoder().encode("of another job"));
    const refused = await send(key, "GET", `files/${sha256}`);
    assert.equal(refused.status, 422);
    assert.match(refused.detail, /nothing that it works on names that/);
    const stranger = await keyOf(server, "work");
    assert.equal((await send(stranger, "GET", `files/${sha256}`)).status, 503);
    const idle = await send(key, "PUT", `files/${sha256}`, "of another job");
    assert.equal(idle.status, 409);

    const id = await count(store, 10_000, 20);
    await until(
      async () => (await store.jobs.get(id)).progress.done > 10,
      60_000,
      () => server.log() + worker.log(),
    );
    const other = "f".repeat(64);
    const wrong = await send(key, "PUT", `files/${other}`, "not what was announced");
    assert.equal(wrong.status, 422);
    const real = /of what came is ([0-9a-f]{64})/.exec(wrong.detail)![1];
    assert.deepEqual([store.files.has(other), store.files.has(real)], [false, false]);
    const { fence } = await store.jobs.get(id);
    const checkpoint = (path: string, fence: number, sha256: string) =>
      send(
        key,
        "PUT",
        `checkpoints/${id}/${path}?fence=${fence}&sha256=${sha256}`,
        "x",
      );
    const ofX = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
    assert.equal((await checkpoint("some.json", fence, other)).status, 422);
    assert.equal((await checkpoint("some.json", fence - 1, ofX)).status, 409);
    assert.equal((await checkpoint("a%2F..%2F..%2Fsome.json", fence, ofX)).status, 422);
    assert.equal((await checkpoint("some.json", fence, ofX)).status, 204);
    const read = await server.fetch(`/v1/workers/mine/checkpoints/${id}/some.json`, {
      headers: { authorization: `Bearer ${key}` },
    });
    assert.equal(await read.text(), "x");
  }));

Deno.test("who loses a claim stops within one beat, and takes another job", () =>
  withWorld(async ({ server, store, start }) => {
    const worker = start("only");
    await linked(server, "only");
    const log = () => server.log() + worker.log();
    const times: number[] = [];
    for (let i = 0; i < 5; i++) {
      const id = await count(store, 10_000, 20);
      await until(async () => (await store.jobs.get(id)).progress.done > 10, 60_000, log);
      const sql =
        "UPDATE jobs SET fence = fence + 1, worker = 'another', lease_until = ? WHERE id = ?";
      const lost = performance.now();
      await store.db.run(sql, Date.now() + LEASE_MS - 1000, id);
      const said = `job ${id}: Cannot write to job "…": the claim 1 was lost`;
      await until(() => worker.log().includes(said), 3_000, log);
      times.push(performance.now() - lost);
      assert.equal((await store.jobs.get(id)).worker, "another");
      await store.jobs.change({ id, fence: 2 }, { state: "cancelled" });
    }
    const [shortest, , median, , longest] = times.sort((a, b) => a - b);
    console.log(
      `from the loss of a claim to the worker's stop: ${shortest.toFixed(0)} to ` +
        `${longest.toFixed(0)} ms, median ${median.toFixed(0)} ms; a beat takes ${BEAT_MS} ms`,
    );
    assert.ok(median <= BEAT_MS, `${times}`);
    await reach(store, await count(store, 10, 1), "succeeded", log);
  }));

/** A key with the scope `work`, its id, and what takes its right away. */
const takings: [string, RegExp, (server: TestServer, store: Store, id: string) => unknown][] = [
  // As `deno task keys revoke` does, in another process.
  ["revoked", /its key was revoked/, (_, store, id) => store.keys.remove(id)],
  ["deleted", /its key was revoked/, (server, _, id) => server.json("DELETE", `/v1/keys/${id}`)],
  [
    "narrowed",
    /its key has no longer the scope work/,
    (server, _, id) => server.json("PATCH", `/v1/keys/${id}`, { scopes: ["read"] }),
  ],
  [
    "expired",
    /its key expired at/,
    (server, _, id) =>
      server.json("PATCH", `/v1/keys/${id}`, {
        expires_at: new Date(Date.now() + 1_500).toISOString(),
      }),
  ],
];

Deno.test("a worker whose key is taken away is cut off, and its jobs wait for others", () =>
  withWorld(async ({ server, store, start }) => {
    for (const [name, reason, take] of takings) {
      const { id, key } = await server.json<{ id: string; key: string }>("POST", "/v1/keys", {
        ...{ name, scopes: ["work"] },
      });
      const worker = start(name, { key });
      const log = () => server.log() + worker.log();
      await linked(server, name);
      const job = await count(store, 100_000, 20);
      await until(async () => (await store.jobs.get(job)).progress.done > 20, 60_000, log);
      await take(server, store, id);
      const since = performance.now();
      const waiting = await count(store, 10, 1);
      const free = async () =>
        (await store.db.get<{ lease_until: number | null }>(
          "SELECT lease_until FROM jobs WHERE id = ?",
          job,
        ))!.lease_until === null;
      await until(free, 60_000, log);
      assert.ok(performance.now() - since < 15_000, "seconds, not until its lease ends");
      const said = new RegExp(`worker ${name} is linked no more: ${reason.source}`);
      await until(() => said.test(server.log()), 60_000, log);
      await until(() => reason.test(worker.log()), 60_000, log);
      await until(() => worker.log().includes("keys make NAME --scopes work"), 60_000, log);
      await until(() => worker.log().includes(`job ${job}: Cannot`), 60_000, log);
      assert.ok(!(await workersOf(server)).some((told) => told.name === name), "not ready");
      const { error, attempts } = await store.jobs.get(job);
      assert.deepEqual([error, attempts], [null, 0], "no crash and no failure");
      const had = await store.jobs.attempts.ofJob(job);
      assert.deepEqual(had.map(({ outcome }) => outcome), ["lost"]);
      assert.match(had[0].reason!, reason);
      assert.equal((await store.jobs.get(waiting)).state, "queued", "nobody took it and failed");
      const { data } = await store.events.list(job, { limit: 1000 });
      const told = data.filter(({ type }) => type === "state").map(({ data }) => data.state);
      assert.ok(!told.includes("failed"), JSON.stringify(told));
      for (const one of [job, waiting]) {
        await store.db.run("UPDATE jobs SET state = 'cancelled', worker = NULL WHERE id = ?", one);
      }
    }
    // Another one takes up what the last has left, from its checkpoint.
    const { id, key } = await server.json<{ id: string; key: string }>("POST", "/v1/keys", {
      ...{ name: "last", scopes: ["work"] },
    });
    const first = start("last", { key });
    const log = () => server.log() + first.log();
    await linked(server, "last");
    const job = await count(store, 600, 20);
    await until(async () => (await store.jobs.get(job)).progress.done > 150, 60_000, log);
    await server.json("DELETE", `/v1/keys/${id}`);
    const second = start("after");
    await reach(store, job, "succeeded", () => log() + second.log());
    const { starts } = (await store.jobs.get(job)).result as { starts: number[] };
    assert.equal(starts.length, 2);
    assert.ok(starts[1] >= 10, `it went on from ${starts[1]}`);
    assert.deepEqual(await stepsOf(store, job), [...new Array(600).keys()]);
    // The log tells of one that dies, too.
    second.process.kill("SIGKILL");
    const died = "worker after is linked no more: it broke off";
    await until(() => server.log().includes(died), 60_000, server.log);
  }));

Deno.test("who leaves in order says so, and is asked to open nothing anew", () =>
  withWorld(async ({ server, start }) => {
    const worker = start("leaver");
    await linked(server, "leaver");
    worker.process.kill("SIGTERM");
    assert.equal((await worker.process.status).code, 0);
    await until(
      () => server.log().includes("leaver is linked no more: it left"),
      60_000,
      server.log,
    );
    assert.doesNotMatch(worker.log(), /no link to/);
    assert.ok(!(await workersOf(server)).some(({ name }) => name === "leaver"));
  }));
