/** A worker whose link has moved from one server to another: what the one knows of its job, the other does not. */
import assert from "node:assert/strict";
import { ClaimLost, InvalidInput, Unavailable } from "@/lib/errors.ts";
import { newJob } from "@/lib/jobs/queue.ts";
import { LEASE_MS } from "@/lib/store/lease.ts";
import type { Store } from "@/lib/store/mod.ts";
import type { Message } from "@/lib/worker/rpc.ts";
import type { RemoteWorker } from "@/lib/worker/remote_worker.ts";
import { type Hello, LINK_MS, PROTOCOL } from "@/lib/worker/session.ts";
import { StoreDesk } from "@/lib/worker/store_desk.ts";
import { Supervisor } from "@/lib/worker/supervisor.ts";
import { Workers } from "@/lib/worker/workers.ts";
import { pass } from "../support/passing.ts";
import { until } from "../support/server.ts";
import { withStore } from "../support/temporary.ts";

/** A server's workers, as a process of its own would have them. */
function serverOn(store: Store): Workers {
  const desk = (name: string) => new StoreDesk(store, name);
  const log = () => {};
  const local = new Supervisor({ command: { path: "none", args: [] }, desk, log });
  return new Workers(local, { store, desk, log, version: "1" });
}

/** Links worker "w" to a server; `closed` once that has cut it off. */
async function link(server: Workers, claim: Hello["claim"]) {
  const worker = await server.join("w", null);
  const answers: Message[] = [];
  const state = { closed: false };
  const receive = worker.attach({
    send: (message) => void answers.push(message),
    close: () => void (state.closed = true),
  });
  const hello: Hello = {
    ...{ protocol: PROTOCOL, version: "1", device: null, claim, side: false },
    patience_ms: 10_000,
  };
  receive({ id: 1, method: "hello", params: hello });
  await until(() => answers.length > 0, 5_000);
  assert.equal(answers[0].error, undefined);
  return { worker, state };
}

const withServers = (body: (store: Store, a: Workers, b: Workers) => Promise<void>) =>
  withStore(async (store) => {
    const servers = [serverOn(store), serverOn(store)] as const;
    try {
      await body(store, ...servers);
    } finally {
      for (const server of servers) server.stop();
    }
  });

const claimOf = async (worker: RemoteWorker) => {
  const { id, fence } = (await worker.claim(["count"], "adapter"))!;
  return { id, fence };
};

Deno.test("what it sent to one server cannot be published at the other: its job is taken up anew, and does not fail", () =>
  withServers(async (store, a, b) => {
    await store.jobs.insert(newJob("count", {}));
    const first = await link(a, null);
    const claim = await claimOf(first.worker);
    const { sha256 } = await store.files.put(new TextEncoder().encode("made"));
    const similarity = { id: "sim_1", file: sha256 } as never;
    await assert.rejects(first.worker.publish(claim, { similarity }), InvalidInput);

    const second = await link(b, claim);
    await assert.rejects(second.worker.publish(claim, { similarity }), ClaimLost);
    assert.throws(() => second.worker.assertKnown("some image"), ClaimLost);
    // And back: what was asked of the other is not known.
    const third = await link(a, claim);
    assert.ok(first.state.closed, "one link at a time");
    assert.throws(() => third.worker.assertKnown("some image"), ClaimLost);
    // Under a new claim all is known again.
    const again = await claimOf(third.worker);
    assert.deepEqual(again, { id: claim.id, fence: claim.fence + 1 });
    assert.throws(() => third.worker.assertKnown("some image"), InvalidInput);
    assert.equal((await store.jobs.get(claim.id)).attempts, 1);
  }));

Deno.test("files go to the server that it is linked to, and to no other that had it before", () =>
  withServers(async (store, a) => {
    await store.jobs.insert(newJob("count", {}));
    const { worker } = await link(a, null);
    assert.equal(a.get("w", null), worker);
    const wire = { send: () => {}, close: () => {} };
    worker.attach(wire);
    worker.detach(wire, "it broke off");
    assert.throws(() => a.get("w", null), Unavailable);
  }));

Deno.test("a link of which nothing comes after its greeting is cut off", () =>
  withServers(async (_, a) => {
    const { worker, state } = await link(a, null);
    const now = performance.now.bind(performance);
    try {
      performance.now = () => now() + LINK_MS - 1000;
      worker.check();
      assert.ok(!state.closed);
      performance.now = () => now() + LINK_MS + 1000;
      worker.check();
      assert.ok(state.closed);
    } finally {
      performance.now = now;
    }
  }));

Deno.test("a worker that comes back after its claim was lost is no crash of the job", () =>
  withServers(async (store, a, b) => {
    const { id } = await store.jobs.insert(newJob("count", {}));
    const { worker } = await link(a, null);
    const claim = await claimOf(worker);
    await pass(store, LEASE_MS + 1000);
    assert.equal((await store.jobs.claim("another"))?.attempts, 2);
    await link(b, claim);
    assert.equal((await store.jobs.get(id)).attempts, 1);
    await link(b, claim);
    assert.equal((await store.jobs.get(id)).attempts, 1, "once");
  }));
