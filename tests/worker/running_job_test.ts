/** The loop of jobs in this process, without a GPU: fences, a full disk, estimates. */
import assert from "node:assert/strict";
import type { Gpu } from "@/gpu/device.ts";
import type { JobHandler } from "@/lib/jobs/kinds/handler.ts";
import { JobHeld, JobStopped } from "@/lib/specs/job_context.ts";
import type { Desk } from "@/lib/worker/desk.ts";
import { StoreDesk } from "@/lib/worker/store_desk.ts";
import { JobRunner } from "@/lib/worker/job_runner.ts";
import { control, newJob, submit } from "@/lib/jobs/queue.ts";
import { ClaimLost } from "@/lib/errors.ts";
import type { Store } from "@/lib/store/mod.ts";
import { withStore } from "../support/temporary.ts";
import { until } from "../support/server.ts";

/** What the loop itself asks of a device. */
const gpu = { info: { description: "none" }, check() {} } as unknown as Gpu;

async function addJob(store: Store, kind: string): Promise<string> {
  return (await store.jobs.insert(newJob(kind, {}))).id;
}

async function withRunner(
  kinds: Record<string, JobHandler>,
  body: (store: Store, log: string[]) => Promise<void>,
  deskOf = (store: Store): Desk => new StoreDesk(store, "here"),
): Promise<void> {
  await withStore(async (store) => {
    const log: string[] = [];
    const runner = new JobRunner({
      desk: deskOf(store),
      ...{ store, gpu },
      kinds: Object.fromEntries(
        Object.entries(kinds).map(([kind, handler]) => [kind, () => Promise.resolve(handler)]),
      ),
      between: () => Promise.resolve(),
      log: (text) => log.push(text),
    });
    const loop = runner.loop();
    try {
      await body(store, log);
    } finally {
      runner.leave();
      await loop;
    }
  });
}

Deno.test("a worker that lost its claim cannot write any more", async () => {
  let server: Store | undefined;
  let seen: unknown;
  const slow: JobHandler = {
    async run(context) {
      // Another worker takes the job over and ends it, while this one hung.
      const { jobs } = server!;
      await jobs.release("here");
      await jobs.change((await jobs.claim("another"))!, {
        state: "succeeded",
        result: { by: "another" },
      });
      try {
        context.event("log", { message: "late" });
        await context.flush();
      } catch (error) {
        seen = error;
      }
      await context.yield();
      return {};
    },
  };
  await withRunner({ slow }, async (store, log) => {
    server = store;
    const id = await addJob(store, "slow");
    await until(() => log.length > 0, 5_000);
    assert.ok(seen instanceof ClaimLost);
    const { state, result, fence } = await store.jobs.get(id);
    assert.deepEqual([state, result, fence], ["succeeded", { by: "another" }, 2]);
    assert.ok((await store.events.list(id)).data.every(({ type }) => type !== "log"));
  });
});

Deno.test("what is asked of a job is heard, however often the job tells of itself", async () => {
  let heard: unknown;
  const busy: JobHandler = {
    async run(context) {
      const end = Date.now() + 20_000;
      try {
        while (Date.now() < end) {
          context.event("checkpoint", {});
          await context.flush();
          await context.yield();
        }
      } catch (error) {
        heard = error;
        throw error;
      }
      return {};
    },
  };
  await withRunner({ busy }, async (store) => {
    const id = await addJob(store, "busy");
    const state = async () => (await store.jobs.get(id)).state;
    await until(async () => await state() === "running", 20_000);
    await control(store, id, "cancel");
    await until(async () => await state() !== "running", 40_000);
    assert.equal(await state(), "cancelled");
    assert.ok(heard instanceof JobStopped);
  });
});

for (const [asked, state] of [["cancel", "cancelled"], ["pause", "paused"]] as const) {
  Deno.test(`${asked} is heard within a few epochs where one takes 20 ms`, async () => {
    let epochs = 0;
    const fast: JobHandler = {
      async run(context) {
        for (; epochs < 1000; epochs++) {
          for (let step = 0; step < 4; step++) {
            await new Promise((resolve) => setTimeout(resolve, 5));
            context.metric(4 * epochs + step, epochs, { loss: 1 });
            await context.yield();
          }
          context.event("checkpoint", {});
          await context.flush();
        }
        return {};
      },
    };
    await withRunner({ fast }, async (store) => {
      const id = await addJob(store, "fast");
      await until(() => epochs > 5, 20_000);
      await control(store, id, asked);
      const before = epochs;
      await until(async () => (await store.jobs.get(id)).state === state, 30_000);
      assert.ok(epochs - before <= 3, `${epochs - before} epochs later`);
    });
  });
}

Deno.test("a step does not wait for a desk that is far away; a flush does, and nothing is lost or told twice", async () => {
  const answer = Promise.withResolvers<void>();
  let asked = 0;
  let beside = 0;
  const busy: JobHandler = {
    async run(context) {
      for (let at = 0; beside < 20; at++) {
        context.metric(at, 0, { at });
        context.progress(at, 1_000_000, "steps");
        await context.yield();
        await new Promise((resolve) => setTimeout(resolve, 5));
        if (asked > 0) beside++;
      }
      setTimeout(answer.resolve, 100);
      await context.flush();
      return {};
    },
  };
  /** Its first answer to news of the running job comes late. */
  const far = (store: Store): Desk => {
    const desk = new StoreDesk(store, "here");
    const tell = desk.tell.bind(desk);
    desk.tell = async (claim, news) => {
      if (news.points.length > 0 && asked++ === 0) await answer.promise;
      return await tell(claim, news);
    };
    return desk;
  };
  await withRunner({ busy }, async (store) => {
    const id = await addJob(store, "busy");
    await until(async () => (await store.jobs.get(id)).state === "succeeded", 60_000);
    assert.equal(asked, 2, "one told beside the steps, one by the flush");
    const steps = (await store.metrics.list(id)).map(({ step }) => step);
    assert.deepEqual(steps, steps.map((_, i) => i));
    assert.ok(steps.length > 20);
  }, far);
});

Deno.test("a full disk pauses the job, and it goes on by itself; a person may end it meanwhile", async () => {
  let full = true;
  const write: JobHandler = {
    run() {
      if (full) throw Object.assign(new Error("No space left on device"), { code: "ENOSPC" });
      return Promise.resolve({ fine: true });
    },
  };
  await withRunner({ write }, async (store) => {
    const hasRoom = store.reserve.hasRoom.bind(store.reserve);
    store.reserve.hasRoom = () => !full && hasRoom();
    const id = await addJob(store, "write");
    await until(async () => (await store.jobs.get(id)).state === "paused", 5_000);
    const last = (await store.events.list(id)).data.at(-1)!.data;
    assert.deepEqual(last, {
      state: "paused",
      reason: "the disk is full; it goes on by itself once there is room",
    });
    full = false;
    await until(async () => (await store.jobs.get(id)).state === "succeeded", 10_000);
    assert.deepEqual((await store.jobs.get(id)).result, { fine: true });

    full = true;
    const ended = await addJob(store, "write");
    await until(async () => (await store.jobs.get(ended)).state === "paused", 5_000);
    await store.jobs.cancel(ended);
    full = false;
    const next = await addJob(store, "write");
    await until(async () => (await store.jobs.get(next)).state === "succeeded", 10_000);
    assert.equal((await store.jobs.get(ended)).state, "cancelled");
  });
});

Deno.test("a job that a full disk keeps from beginning is free for others meanwhile", async () => {
  let full = true;
  const write: JobHandler = { run: () => Promise.resolve({}) };
  /** Where its checkpoints would come to, the disk is full. */
  const small = (store: Store): Desk => {
    const desk = new StoreDesk(store, "here");
    const claim = desk.claim.bind(desk);
    desk.claim = async (kinds, adapter) => {
      const job = await claim(kinds, adapter);
      if (job && full) throw Object.assign(new Error("No room"), { code: "ENOSPC" });
      return job;
    };
    desk.hasRoom = () => Promise.resolve(!full);
    return desk;
  };
  await withRunner({ write }, async (store, log) => {
    const id = await addJob(store, "write");
    await until(() => log.some((line) => line.includes("disk is full")), 20_000);
    const job = (await store.jobs.claim("another"))!;
    assert.deepEqual([job.id, job.attempts], [id, 1]);
    await store.jobs.change(job, { state: "succeeded", result: {} });
    full = false;
    const next = await addJob(store, "write");
    await until(async () => (await store.jobs.get(next)).state === "succeeded", 20_000);
  }, small);
});

Deno.test("a job that cannot go on here is paused with the reason, and keeps its checkpoints", async () => {
  const older: JobHandler = {
    run({ checkpoints }) {
      Deno.writeTextFileSync(`${checkpoints}/kept`, "x");
      throw new JobHeld("Cannot take up the checkpoint of step 3: it was written by version 0.1");
    },
  };
  await withRunner({ older }, async (store) => {
    const id = await addJob(store, "older");
    await until(async () => (await store.jobs.get(id)).state === "paused", 5_000);
    assert.match((await store.jobs.get(id)).error!, /written by version 0\.1/);
    assert.equal(Deno.readTextFileSync(`${store.checkpoints(id)}/kept`), "x");
  });
});

Deno.test("the end of a job is estimated from its own pace", async () => {
  const steady: JobHandler = {
    async run(context) {
      for (let done = 0; done <= 14; done++) {
        context.progress(done, 140, "steps");
        await new Promise((resolve) => setTimeout(resolve, 100));
        await context.yield();
      }
      throw new JobStopped("pause");
    },
  };
  await withRunner({ steady }, async (store) => {
    const id = await addJob(store, "steady");
    const estimates: number[] = [];
    await until(async () => {
      const { estimated_finish, started_at, state } = await store.jobs.get(id);
      if (estimated_finish) estimates.push(Date.parse(estimated_finish) - Date.parse(started_at!));
      return state === "paused";
    }, 10_000);
    // 140 steps of 0.1 s and what a step costs besides.
    assert.ok(estimates.length > 0);
    for (const estimate of estimates) {
      assert.ok(estimate > 13_000 && estimate < 40_000, `${estimate}`);
    }
  });
});

Deno.test("what cannot be queued is refused before it is a job", async () => {
  await withStore(async (store) => {
    await assert.rejects(async () => await submit(store, { kind: "toString" }, "1"), {
      name: "InvalidInput",
    });
    await assert.rejects(
      async () => await submit(store, { kind: "similarity", dataset: "x", measure: "dhash" }, "1"),
      { name: "NotFound" },
    );
    assert.equal(await store.jobs.count(), 0);
  });
});
