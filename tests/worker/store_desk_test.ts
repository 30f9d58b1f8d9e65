/** Messages under a claim that come twice: the second does nothing. */
import assert from "node:assert/strict";
import { ClaimLost } from "@/lib/errors.ts";
import type { News } from "@/lib/jobs/outcome.ts";
import { newJob } from "@/lib/jobs/queue.ts";
import { tellingDamage } from "@/lib/training/checkpoint.ts";
import { StoreDesk } from "@/lib/worker/store_desk.ts";
import { withStore } from "../support/temporary.ts";

const said = (number: number, message: string, changes: News["changes"] = {}): News => ({
  ...{ number, changes, points: [] },
  events: [{ type: "log", data: { message } }],
});

Deno.test("a message that comes twice is kept once, the one that ends the job too", () =>
  withStore(async (store) => {
    const desk = new StoreDesk(store, "w");
    await store.jobs.insert(newJob("count", {}));
    const { id, fence } = (await desk.claim(["count"], "adapter"))!;
    const claim = { id, fence };
    const messages = async () =>
      (await store.events.list(id)).data.map(({ data }) => (data as { message: string }).message);
    for (const _ of "12") await desk.tell(claim, said(1, "first"));
    await desk.tell(claim, said(2, "second"));
    await desk.tell(claim, said(1, "first"));
    assert.deepEqual(await messages(), ["first", "second"]);

    for (const _ of "12") {
      await desk.tell(claim, said(3, "end", { state: "succeeded", result: {} }));
    }
    assert.deepEqual(await messages(), ["first", "second", "end"]);
    await assert.rejects(desk.tell(claim, said(4, "later")), ClaimLost);
  }));

Deno.test("the numbers of a claim say nothing of the next one's", () =>
  withStore(async (store) => {
    const desk = new StoreDesk(store, "w");
    await store.jobs.insert(newJob("count", {}));
    const first = (await desk.claim(["count"], "adapter"))!;
    await desk.tell(first, said(5, "of the first"));
    await desk.left({ blameless: true });
    const second = (await new StoreDesk(store, "other").claim(["count"], "adapter"))!;
    await desk.tell(second, said(1, "of the second"));
    await assert.rejects(desk.tell(first, said(5, "of the first")), ClaimLost);
    const { data } = await store.events.list(first.id);
    assert.deepEqual(data.map(({ data }) => data.message), ["of the first", "of the second"]);
  }));

Deno.test("a checkpoint that was damaged is told in the server's log, other warnings are not", () =>
  withStore(async (store) => {
    const lines: string[] = [];
    const desk = new StoreDesk(store, "w", () => {}, (line) => lines.push(line));
    await store.jobs.insert(newJob("count", {}));
    const claim = (await desk.claim(["count"], "adapter"))!;
    const events: News["events"] = [{ type: "warning", data: { message: "slow" } }];
    tellingDamage({ event: (type, data) => events.push({ type, data }) })("Cannot use it");
    await desk.tell(claim, { number: 1, points: [], changes: {}, events });
    assert.deepEqual(lines, [`job ${claim.id}: Cannot use it`]);
  }));
