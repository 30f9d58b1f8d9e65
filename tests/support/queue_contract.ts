/** What every queue must do, whatever it stands on: the claims of jobs, as several processes see them. */
import assert from "node:assert/strict";
import { ClaimLost } from "@/lib/errors.ts";
import { keepNews, keepOutcome, type News } from "@/lib/jobs/outcome.ts";
import { newJob } from "@/lib/jobs/queue.ts";
import { LEASE_MS } from "@/lib/store/lease.ts";
import { type EvaluationRow, type JobRow, newId, now, type Store } from "@/lib/store/mod.ts";
import { pass } from "./passing.ts";

/** @param stores three that have the same jobs, as three processes open them */
export async function queueContract(stores: Store[], t: Deno.TestContext): Promise<void> {
  const [a, b, c] = stores;
  const add = (store: Store, kind = "count") => store.jobs.insert(newJob(kind, {}));
  const end = (store: Store, job: JobRow) =>
    store.jobs.change(job, { state: "succeeded", result: {} });
  const step = (name: string, body: () => Promise<void>) =>
    t.step(name, async () => {
      await body();
      for (let left; (left = await c.jobs.claim("last"));) await end(c, left);
    });

  await step("two workers, one job, one claim", async () => {
    const { id } = await add(a);
    const claims = await Promise.all(
      [a, b, c, a, b, c].map((store, i) => store.jobs.claim(`worker ${i}`)),
    );
    const got = claims.filter((claim) => claim !== undefined);
    assert.deepEqual(got.map((job) => job.id), [id]);
    await end(b, got[0]);
    assert.equal(await a.jobs.claim("worker"), undefined);
  });

  await step(
    "fifty jobs over three processes are claimed once each, the oldest first",
    async () => {
      const ids = await a.db.transaction(async () => {
        const jobs = [];
        for (let i = 0; i < 50; i++) jobs.push(await add(a));
        return jobs.map(({ id }) => id);
      });
      const seen: string[][] = await Promise.all(stores.map(async (store, i) => {
        const mine: string[] = [];
        for (let job; (job = await store.jobs.claim(`worker ${i}`));) {
          mine.push(job.id);
          await end(store, job);
        }
        return mine;
      }));
      assert.deepEqual(seen.flat().sort(), [...ids].sort());
      const place = new Map(ids.map((id, i) => [id, i]));
      for (const mine of seen) {
        const places = mine.map((id) => place.get(id)!);
        assert.deepEqual(places, places.toSorted((x, y) => x - y));
      }
    },
  );

  await step("what was queued and rolled back was never queued", async () => {
    await assert.rejects(
      () =>
        a.db.transaction(async () => {
          await add(a);
          throw new Error("undone");
        }),
      /undone/,
    );
    assert.equal(await b.jobs.claim("worker"), undefined);
  });

  await step("a worker is given kinds that it runs; studies are given to nobody", async () => {
    await add(a, "study");
    const { id } = await add(a, "other");
    const mine = await add(a, "count");
    assert.equal((await b.jobs.claim("worker", { kinds: ["count"] }))?.id, mine.id);
    assert.equal(await b.jobs.claim("worker", { kinds: ["count"] }), undefined);
    assert.equal((await b.jobs.claim("worker"))?.id, id);
    await b.jobs.release("worker");
  });

  await step(
    "what is given back is there at once, before newer ones; its claim is lost",
    async () => {
      const { id } = await add(a);
      await add(a);
      const first = (await a.jobs.claim("first"))!;
      await a.jobs.release("first");
      const second = (await b.jobs.claim("second"))!;
      assert.deepEqual([second.id, second.fence], [id, first.fence + 1]);
      await assert.rejects(() => a.jobs.withClaim(first, () => Promise.resolve()), ClaimLost);
      await assert.rejects(() => end(a, first), ClaimLost);
      // Its beats keep nothing.
      await a.jobs.hold("first");
      await end(b, second);
      await assert.rejects(() => end(b, second), ClaimLost);
    },
  );

  await step("a worker that leaves in order queues its job again", async () => {
    const { id } = await add(a);
    const job = (await a.jobs.claim("leaving"))!;
    await a.jobs.change(job, { state: "queued", attempts: 0 });
    assert.equal((await b.jobs.get(id)).worker, null);
    assert.equal((await b.jobs.claim("next"))?.id, id);
    await b.jobs.release("next");
  });

  await step("an end that is rolled back was no end", async () => {
    const { id } = await add(a);
    const job = (await a.jobs.claim("worker"))!;
    await assert.rejects(
      () =>
        a.db.transaction(async () => {
          await end(a, job);
          throw new Error("undone");
        }),
      /undone/,
    );
    assert.equal((await b.jobs.get(id)).state, "running");
    assert.equal(await b.jobs.claim("another"), undefined);
    await a.jobs.hold("worker");
    await end(a, job);
  });

  await step("what goes on on its adapter alone waits for a worker that has it", async () => {
    const { id } = await a.jobs.insert(newJob("count", { resume: "same_device" }));
    const job = (await a.jobs.claim("first", { adapter: "A" }))!;
    const info = { vendor: "", architecture: "", device: "A", description: "", software: false };
    await a.jobs.change(job, { device: info });
    await a.jobs.change(job, { state: "queued" });
    assert.equal(await b.jobs.claim("second", { adapter: "B" }), undefined);
    assert.equal(await b.jobs.claim("second"), undefined);
    const { id: any } = await add(c);
    assert.equal((await b.jobs.claim("second", { adapter: "B" }))?.id, any, "others go before it");
    const again = (await c.jobs.claim("third", { adapter: "A" }))!;
    assert.equal(again.id, id);
    await end(c, again);
    await b.jobs.release("second");
  });

  for (const ask of ["cancel", "pause"] as const) {
    await step(`${ask} of one that waits: nobody is given it`, async () => {
      const { id } = await add(a);
      await b.jobs[ask](id);
      assert.equal(await a.jobs.claim("worker"), undefined);
      if (ask === "cancel") return;
      await c.jobs.resume(id);
      assert.equal((await a.jobs.claim("worker"))?.id, id);
      await a.jobs.release("worker");
    });

    await step(`${ask} of one that runs: its worker hears of it, and gives it back`, async () => {
      const { id } = await add(a);
      const job = (await a.jobs.claim("worker"))!;
      await b.jobs[ask](id);
      assert.equal(await a.jobs.requested(id), ask);
      await a.jobs.change(job, {
        state: ask === "pause" ? "paused" : "cancelled",
        requested: null,
      });
      assert.equal(await b.jobs.claim("another"), undefined);
      if (ask === "cancel") return;
      await b.jobs.resume(id);
      assert.equal((await b.jobs.claim("another"))?.fence, job.fence + 1);
      await b.jobs.release("another");
    });

    await step(`${ask} of one whose worker was lost`, async () => {
      const { id } = await add(a);
      const job = (await a.jobs.claim("lost"))!;
      await b.jobs[ask](id);
      await pass(a, LEASE_MS + 1000);
      assert.equal(await b.jobs.takeBack(job), ask === "pause" ? "paused" : "cancelled");
      assert.equal(await c.jobs.claim("another"), undefined);
    });
  }

  await step("a claim that nobody holds ends; one that is held does not", async () => {
    const [dead, alive] = [await add(a), await add(a)];
    const first = (await a.jobs.claim("dead"))!;
    const held = (await b.jobs.claim("alive"))!;
    assert.deepEqual([first.id, held.id], [dead.id, alive.id]);
    await pass(a, LEASE_MS - 5000);
    assert.deepEqual(await c.jobs.lost(), []);
    await b.jobs.hold("alive");
    await pass(a, LEASE_MS - 5000);
    assert.deepEqual((await c.jobs.lost()).map(({ id }) => id), [dead.id]);
    const second = (await c.jobs.claim("another"))!;
    assert.deepEqual([second.id, second.fence, second.attempts], [dead.id, 2, 2]);
    assert.equal(await c.jobs.claim("another"), undefined);
    await assert.rejects(() => end(a, first), ClaimLost);
    await end(b, held);
    await end(c, second);
  });

  await step("a worker that speaks again before another has its job keeps it", async () => {
    const { id } = await add(a);
    const job = (await a.jobs.claim("frozen"))!;
    await pass(a, LEASE_MS + 1000);
    await a.jobs.hold("frozen");
    assert.deepEqual(await b.jobs.lost(), []);
    assert.equal(await b.jobs.claim("another"), undefined);
    // And one that speaks with the job's end alone.
    await pass(a, LEASE_MS + 1000);
    await end(a, job);
    assert.equal((await b.jobs.get(id)).state, "succeeded");
    assert.equal(await b.jobs.claim("another"), undefined);
  });

  await step("a stale claim cannot beat, tell, checkpoint, publish or finish", async () => {
    const { id } = await add(a);
    const stale = (await a.jobs.claim("frozen"))!;
    await pass(a, LEASE_MS + 1000);
    const claim = (await b.jobs.claim("another"))!;
    assert.deepEqual([claim.id, claim.fence], [id, stale.fence + 1]);
    await a.jobs.hold("frozen");
    const news: News = {
      points: [{ step: 10, epoch: 1, values: { loss: 1 } }],
      events: [{ type: "checkpoint", data: { step: 10 } }],
      changes: { progress: { done: 10, total: 20, unit: "steps" } },
      number: 1,
    };
    await assert.rejects(() => keepNews(a, stale, news), ClaimLost);
    const evaluation = {
      ...{ id: newId("ev"), job_id: id, model_id: null, dataset_id: null },
      ...{ metrics: {}, scores: [], created_at: now() },
    } as unknown as EvaluationRow;
    await assert.rejects(() => keepOutcome(a, stale, { evaluation }), ClaimLost);
    await assert.rejects(() => end(a, stale), ClaimLost);

    const { state, worker, progress, told } = await c.jobs.get(id);
    assert.deepEqual([state, worker, progress.done, told], ["running", "another", 0, 0]);
    assert.deepEqual(await c.metrics.list(id), []);
    assert.deepEqual((await c.events.list(id)).data, []);
    assert.equal(await c.evaluations.ofJob(id), undefined);
    await end(b, claim);
  });

  await step("a lost claim of a worker that lives is no crash", async () => {
    const { id } = await add(a);
    const attempts = async () => (await c.jobs.get(id)).attempts;
    const first = (await a.jobs.claim("frozen"))!;
    await a.jobs.acquit(first);
    assert.equal(await attempts(), 1, "it was not lost");
    await pass(a, LEASE_MS + 1000);
    const second = (await b.jobs.claim("another"))!;
    assert.equal(await attempts(), 2);
    await a.jobs.acquit(first);
    assert.equal(await attempts(), 1);
    await end(b, second);
    await a.jobs.acquit(first);
    assert.equal(await attempts(), 1, "it has ended");
  });

  await step(
    "what was taken back from a lost worker waits, and that worker writes nothing",
    async () => {
      const { id } = await add(a);
      const job = (await a.jobs.claim("lost"))!;
      await pass(a, LEASE_MS + 1000);
      assert.equal(await b.jobs.takeBack(job), "queued");
      assert.equal(await c.jobs.takeBack(job), undefined, "once");
      await a.jobs.hold("lost");
      await assert.rejects(() => end(a, job), ClaimLost);
      assert.equal((await c.jobs.claim("another"))?.id, id);
      await c.jobs.release("another");
    },
  );
}
