/** A POST with an Idempotency-Key makes one job, whatever ends in between; old answers go by themselves. */
import assert from "node:assert/strict";
import { inOneWith, once } from "@/routes/idempotency.ts";
import { reply, responseOf } from "@/routes/reply.ts";
import type { Services } from "@/routes/route.ts";
import { newJob } from "@/lib/jobs/queue.ts";
import type { Store } from "@/lib/store/mod.ts";
import { until, withServer } from "../support/server.ts";
import { upload } from "../support/small_set.ts";
import { withStore } from "../support/temporary.ts";

Deno.test("a server killed at any moment around a POST: sent again it makes no second job", async () => {
  await withServer(async (server) => {
    await server.ready();
    await upload(server, "breast", 4);
    const body = JSON.stringify({ kind: "similarity", dataset: "breast", measure: "dhash" });
    const jobs = async () =>
      (await server.json<{ data: { id: string }[] }>("GET", "/v1/jobs?limit=1000")).data;
    const keys = Array.from({ length: 5 }, (_, i) => `key ${i}`);
    for (const [i, key] of keys.entries()) {
      const send = () =>
        server.fetch("/v1/jobs", {
          method: "POST",
          body,
          headers: { "content-type": "application/json", "idempotency-key": key },
        });
      const first = send().then((response) => response.body?.cancel(), () => {});
      await new Promise((resolve) => setTimeout(resolve, 2 + 3 * i));
      const { api } = server.children();
      Deno.kill(api!, "SIGKILL");
      await first;
      let id = "";
      await until(
        async () => {
          const again = await send().catch(() => undefined);
          const text = await again?.text().catch(() => "");
          if (again?.status !== 202) return false;
          id = JSON.parse(text!).id;
          return true;
        },
        20_000,
        server.log,
      );
      const all = await jobs();
      assert.equal(all.length, i + 1, `${key}: ${server.log().slice(-2000)}`);
      assert.ok(all.some((job) => job.id === id));
    }
    assert.equal((await jobs()).length, keys.length);
  });
});

const callOf = (store: Store, key: string) => ({
  services: { store } as Services,
  request: new Request("http://x/v1/jobs", { method: "POST", headers: { "idempotency-key": key } }),
  key: undefined,
  keep: undefined,
  kept: false,
});

/** As a route that queues a job; `after` is what goes wrong once the job is made. */
function post(store: Store, key: string, after: () => void = () => {}): Promise<Response> {
  const call = callOf(store, key);
  return once(call, "body", async () => {
    const made = await inOneWith(call, async () => {
      const { id } = await store.jobs.insert(newJob("similarity", {}));
      return reply(202, { id }, { location: `/v1/jobs/${id}` });
    });
    after();
    return responseOf(made);
  });
}

Deno.test("the answer is kept with the job: in one transaction, or neither", () =>
  withStore(async (store) => {
    const first = await post(store, "a");
    const again = await post(store, "a");
    assert.equal(again.headers.get("idempotency-replayed"), "true");
    assert.equal(again.headers.get("location"), first.headers.get("location"));
    assert.deepEqual(await again.json(), await first.json());
    assert.equal(await store.jobs.count(), 1);

    // What fails after the job is made takes nothing back.
    const failing = () => {
      throw new Error("after");
    };
    await assert.rejects(post(store, "b", failing), /after/);
    assert.equal((await post(store, "b")).headers.get("idempotency-replayed"), "true");
    assert.equal(await store.jobs.count(), 2);

    // An answer that cannot be kept takes the job with it.
    const { finish } = store.idempotency;
    store.idempotency.finish = () => {
      throw new Error("the disk is full");
    };
    await assert.rejects(post(store, "c"), /the disk is full/);
    store.idempotency.finish = finish;
    assert.equal(await store.jobs.count(), 2);
    assert.equal((await post(store, "c")).status, 202);
    assert.equal(await store.jobs.count(), 3);
  }));

Deno.test("answers that are older than a day are dropped while the server runs, and count no more", () =>
  withStore(async (store) => {
    for (const key of ["old", "older", "new"]) await post(store, key);
    const old = new Date(Date.now() - 25 * 3_600_000).toISOString();
    await store.db.run("UPDATE idempotency SET created_at = ? WHERE key <> 'new'", old);
    assert.equal((await post(store, "old")).headers.get("idempotency-replayed"), null);
    assert.equal(await store.idempotency.purge(), 1);
    assert.equal((await post(store, "new")).headers.get("idempotency-replayed"), "true");
    await store.idempotency.begin("anyone", "running", "r");
    assert.equal(await store.idempotency.purge(), 0);
    assert.equal(await store.idempotency.purge({ unfinished: 0 }), 1);
  }));
