/** Leases of jobs and workers, by the database's clock. */
import assert from "node:assert/strict";
import { newJob } from "@/lib/jobs/queue.ts";
import { LEASE_MS } from "@/lib/store/lease.ts";
import type { JobRow, Store } from "@/lib/store/mod.ts";
import { withStore } from "../support/temporary.ts";

const add = (store: Store, id?: string): JobRow =>
  store.jobs.insert({ ...newJob("count", {}), ...(id ? { id } : {}) });

/** As if the clock had been set forward by `ms`. */
function pass(store: Store, ms: number): void {
  store.db.run("UPDATE jobs SET lease_until = lease_until - ?", ms);
  store.db.run("UPDATE workers SET lease_until = lease_until - ?", ms);
}

Deno.test("a running job is taken over when its lease has ended, and not before", () =>
  withStore((store) => {
    const { id } = add(store);
    store.jobs.claim("a");
    pass(store, LEASE_MS - 1000);
    assert.equal(store.jobs.claim("b"), undefined);
    store.jobs.hold("a");
    pass(store, LEASE_MS - 1000);
    assert.equal(store.jobs.claim("b"), undefined, "it was prolonged");
    store.jobs.hold("b");
    pass(store, 2000);
    assert.equal(store.jobs.claim("b")?.id, id, "by another it was not");
    assert.equal(store.jobs.get(id).fence, 2);
  }));

Deno.test("a clock that is set back keeps no job for longer than a lease", () =>
  withStore((store) => {
    const { id } = add(store);
    store.jobs.claim("a");
    pass(store, -3_600_000);
    assert.equal(store.jobs.claim("b")?.id, id);
  }));

Deno.test("jobs wait in the order of queueing, whatever their ids say of the time", () =>
  withStore((store) => {
    const first = add(store, "job_2");
    const second = add(store, "job_1");
    assert.deepEqual([first, second].map((job) => store.jobs.queuePosition(job)), [0, 1]);
    assert.deepEqual([1, 2].map(() => store.jobs.claim("a")!.id), ["job_2", "job_1"]);
  }));

Deno.test("what a worker ran is free once it is known to be gone; only then is an attempt forgiven", () =>
  withStore((store) => {
    const { id } = add(store);
    const attempts = () => store.jobs.get(id).attempts;
    store.jobs.claim("a");
    store.jobs.release("a");
    assert.equal(attempts(), 1);
    store.jobs.claim("a");
    store.jobs.release("a", { blameless: true });
    assert.equal(attempts(), 1);
    store.jobs.claim("b");
    store.workers.hold("b");
    store.jobs.releaseOrphans();
    assert.equal(store.jobs.claim("c"), undefined, "b speaks for itself");
    store.workers.remove("b");
    store.jobs.releaseOrphans();
    assert.equal(attempts(), 1);
    assert.equal(store.jobs.claim("c")?.id, id);
  }));

Deno.test("workers count as long as they beat", () =>
  withStore((store) => {
    for (const name of ["a", "b"]) store.workers.hold(name);
    assert.equal(store.workers.count(), 2);
    pass(store, LEASE_MS + 1000);
    store.workers.hold("b");
    assert.equal(store.workers.count(), 1);
    store.workers.remove("b");
    assert.equal(store.workers.count(), 0);
  }));
