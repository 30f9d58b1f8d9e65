/** A job whose worker was lost is not called running. */
import assert from "node:assert/strict";
import { GRACE_MS, LostJobs } from "@/lib/jobs/lost_jobs.ts";
import { newJob } from "@/lib/jobs/queue.ts";
import { LEASE_MS } from "@/lib/store/lease.ts";
import type { Store } from "@/lib/store/mod.ts";
import { pass } from "../support/passing.ts";
import { withStore } from "../support/temporary.ts";

/** A running job of worker "a", what looks for lost ones, and what it has told. */
async function running(store: Store) {
  const { id } = await store.jobs.insert(newJob("count", {}));
  await store.jobs.claim("a");
  const told: string[] = [];
  const lost = new LostJobs(store, (job) => told.push(job), (line) => told.push(line));
  const silent = () => pass(store, LEASE_MS + 1);
  return { id, lost, told, silent, job: () => store.jobs.get(id) };
}

Deno.test("a job whose lease has run out waits again, with an event and a line of the log", () =>
  withStore(async (store) => {
    const { id, lost, told, silent, job } = await running(store);
    await lost.look(0);
    await silent();
    await lost.look(1000);
    assert.equal((await job()).state, "running", "its worker may speak again");
    await lost.look(1000 + GRACE_MS);
    const { state, worker, fence, attempts } = await job();
    assert.deepEqual([state, worker, fence, attempts], ["queued", null, 1, 1]);
    const { data } = await store.events.list(id, {});
    const reason = "the worker was lost; waits for another";
    assert.deepEqual(data.at(-1)!.data, { state: "queued", reason });
    assert.deepEqual(told, [`job ${id}: ${reason}`, id]);
    await assert.rejects(store.jobs.assertClaim(id, 1), "the lost worker writes nothing any more");
    assert.equal((await store.jobs.claim("b"))?.fence, 2);
  }));

Deno.test("a worker that speaks again in time keeps its job", () =>
  withStore(async (store) => {
    const { lost, told, silent, job } = await running(store);
    await silent();
    await lost.look(0);
    await store.jobs.hold("a");
    await lost.look(GRACE_MS);
    assert.deepEqual([(await job()).state, told], ["running", []]);
    // Silent for another time: its grace begins anew.
    await silent();
    await lost.look(GRACE_MS + 1);
    assert.equal((await job()).state, "running");
  }));

for (const [ask, state] of [["cancel", "cancelled"], ["pause", "paused"]] as const) {
  Deno.test(`a lost job that was asked to ${ask} is ${state}`, () =>
    withStore(async (store) => {
      const { id, lost, silent, job } = await running(store);
      await store.jobs[ask](id);
      await silent();
      await lost.look(0);
      await lost.look(GRACE_MS);
      const { state: now, requested, finished_at } = await job();
      assert.deepEqual([now, requested], [state, null]);
      assert.equal(finished_at !== null, ask === "cancel");
    }));
}

Deno.test("a job that found a disk full goes on where there is room, also when its worker is gone", () =>
  withStore(async (store) => {
    const { id, lost, told, job } = await running(store);
    const held = await store.jobs.insert(newJob("count", {}));
    const error = "No space left on device (os error 28)";
    await store.jobs.change(await job(), { state: "paused", error });
    await store.jobs.change((await store.jobs.claim("a"))!, {
      ...{ state: "paused", error: "Cannot take up the checkpoint of step 3" },
    });
    const hasRoom = store.reserve.hasRoom.bind(store.reserve);
    store.reserve.hasRoom = () => false;
    await lost.look(0);
    assert.equal((await job()).state, "paused");
    store.reserve.hasRoom = hasRoom;
    await lost.look(60_000);
    assert.deepEqual([(await job()).state, (await job()).error], ["queued", null]);
    assert.deepEqual(told, [id]);
    const { data } = await store.events.list(id);
    const reason = "there is room on the disk again";
    assert.deepEqual(data.at(-1)!.data, { state: "queued", reason });
    assert.equal((await store.jobs.get(held.id)).state, "paused", "it waits for a person");
  }));
