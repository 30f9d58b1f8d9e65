/** Leases of jobs and workers, by the database's clock. */
import assert from "node:assert/strict";
import { newJob } from "@/lib/jobs/queue.ts";
import { LEASE_MS } from "@/lib/store/lease.ts";
import type { JobRow, Store } from "@/lib/store/mod.ts";
import { pass } from "../support/passing.ts";
import { inCluster, withStore } from "../support/temporary.ts";

const add = async (store: Store, id?: string): Promise<JobRow> =>
  await store.jobs.insert({ ...newJob("count", {}), ...(id ? { id } : {}) });

Deno.test("a running job is taken over when its lease has ended, and not before", () =>
  withStore(async (store) => {
    const { id } = await add(store);
    await store.jobs.claim("a");
    await pass(store, LEASE_MS - 5000);
    assert.equal(await store.jobs.claim("b"), undefined);
    await store.jobs.hold("a");
    await pass(store, LEASE_MS - 5000);
    assert.equal(await store.jobs.claim("b"), undefined, "it was prolonged");
    await store.jobs.hold("b");
    await pass(store, 6000);
    assert.equal((await store.jobs.claim("b"))?.id, id, "by another it was not");
    assert.equal((await store.jobs.get(id)).fence, 2);
  }));

Deno.test("a clock that is set back keeps no job for longer than a lease", () =>
  withStore(async (store) => {
    // pg-boss sets claims by the clock and looks at it alone.
    if (inCluster) return;
    const { id } = await add(store);
    await store.jobs.claim("a");
    await pass(store, -3_600_000);
    assert.equal((await store.jobs.claim("b"))?.id, id);
  }));

Deno.test("jobs wait in the order of queueing, whatever their ids say of the time", () =>
  withStore(async (store) => {
    const first = await add(store, "job_2");
    const second = await add(store, "job_1");
    assert.deepEqual(
      await Promise.all([first, second].map(async (job) => await store.jobs.queuePosition(job))),
      [0, 1],
    );
    assert.equal((await store.jobs.claim("a"))!.id, "job_2");
    assert.equal((await store.jobs.claim("a"))!.id, "job_1");
  }));

Deno.test("what a worker ran is free once it is known to be gone; only then is an attempt forgiven", () =>
  withStore(async (store) => {
    const { id } = await add(store);
    const attempts = async () => (await store.jobs.get(id)).attempts;
    await store.jobs.claim("a");
    await store.jobs.release("a");
    assert.equal(await attempts(), 1);
    await store.jobs.claim("a");
    await store.jobs.release("a", { blameless: true });
    assert.equal(await attempts(), 1);
    await store.jobs.claim("b");
    await store.workers.hold("b");
    await store.jobs.releaseOrphans();
    assert.equal(await store.jobs.claim("c"), undefined, "b speaks for itself");
    await store.workers.remove("b");
    await store.jobs.releaseOrphans();
    assert.equal(await attempts(), 1);
    assert.equal((await store.jobs.claim("c"))?.id, id);
  }));

Deno.test("workers count as long as they beat", () =>
  withStore(async (store) => {
    for (const name of ["a", "b"]) await store.workers.hold(name);
    assert.equal(await store.workers.count(), 2);
    await pass(store, LEASE_MS + 1000);
    await store.workers.hold("b");
    assert.equal(await store.workers.count(), 1);
    await store.workers.remove("b");
    assert.equal(await store.workers.count(), 0);
  }));

Deno.test("a worker that comes back under its name does not keep what it ran before from being claimed", () =>
  withStore(async (store) => {
    const job = await add(store, "job_1");
    await store.jobs.claim("a");
    await store.jobs.release("a");
    // Its beats go on before it, or anyone, asks for a job.
    await store.jobs.hold("a");
    assert.equal((await store.jobs.claim("b"))?.id, job.id);
  }));
