import assert from "node:assert/strict";
import { durationEstimator } from "@/lib/studies/duration_estimate.ts";
import { resolveJob, submit } from "@/lib/jobs/queue.ts";
import type { Store } from "@/lib/store/mod.ts";
import { insertClasses } from "../support/classes.ts";
import { withStore } from "../support/temporary.ts";

const byol = {
  ...{ kind: "pretrain", dataset: "discs", method: "byol", epochs: 10 },
  ...{ width: 8, image_size: 32, backbone: "resnet18", leave_out: null },
};

/** A job that ended after `seconds` of the clock, and of its own where that is `measured`; `breaks` are states in between. */
async function timed(
  store: Store,
  request: Record<string, unknown>,
  seconds: number,
  { breaks = 0, measured }: { breaks?: number; measured?: number } = {},
) {
  const { id } = await submit(store, request, "1");
  for (let i = 0; i < 1 + breaks; i++) await store.events.append(id, "state", { state: "running" });
  await store.events.append(id, "state", { state: "succeeded", seconds: measured });
  await store.jobs.update(id, {
    ...{ state: "succeeded", started_at: "2026-01-01T00:00:00.000Z" },
    finished_at: new Date(Date.UTC(2026, 0, 1) + seconds * 1000).toISOString(),
  });
  return id;
}

Deno.test("a training takes as long as those of its shape, else by multiply-adds", () =>
  withStore(async (store) => {
    await insertClasses(store, { images: 20 });
    const device: { speed?: number } = {};
    const ask = async (changes: Record<string, unknown>, images = 20) =>
      (await durationEstimator(store, () => Promise.resolve(device.speed)))(
        await resolveJob(store, { ...byol, ...changes }, "1"),
        images,
      );
    assert.equal(await ask({}), undefined, "nothing was timed yet, and nobody knows the device");
    device.speed = 2;
    // Ten epochs of 20 images, eight passes each.
    const each = 1.82 * (8 / 64) ** 2 * (32 / 224) ** 2;
    const guess = await ask({});
    assert.equal(guess!.basis, "calibrated");
    assert.ok(Math.abs(guess!.seconds / (10 * 20 * 8 * each / 2) - 1) < 1e-9);
    await timed(store, byol, 30);
    await timed(store, byol, 10);
    await timed(store, byol, 20);
    await timed(store, byol, 9000, { breaks: 2 });
    assert.deepEqual(
      await ask({}),
      { seconds: 20, basis: "measured" },
      "the median, without pauses",
    );
    assert.deepEqual(await ask({ epochs: 5, seed: 3 }), { seconds: 10, basis: "measured" });
    assert.deepEqual(await ask({}, 40), { seconds: 40, basis: "measured" });
    const near = (found: { seconds: number; basis: string } | undefined, seconds: number) => {
      assert.equal(found!.basis, "scaled");
      assert.ok(Math.abs(found!.seconds / seconds - 1) < 1e-9, `${found!.seconds}`);
    };
    near(await ask({ width: 16 }), 80);
    near(await ask({ image_size: 64 }), 80);
    near(await ask({ method: "simsiam" }), 15);
    near(await ask({ backbone: "resnet50" }), 20 * 4.1 / 1.82);
  }));

Deno.test("images that a training leaves aside take none of its time, in the past and in the plan", () =>
  withStore(async (store) => {
    await insertClasses(store, { images: 20 });
    const split = { validation: 0.2, test: 0.2 };
    const network = { width: 8, image_size: 32, backbone: "resnet18" };
    const tuned = { kind: "finetune", dataset: "discs", epochs: 10, split, ...network };
    const left = { ...byol, leave_out: { split, folds: null, fold: null, seed: 0 } };
    await timed(store, tuned, 30);
    await timed(store, left, 40);
    const ask = async (request: Record<string, unknown>, images = 20) => {
      const estimateDuration = await durationEstimator(store, () => Promise.resolve(undefined));
      return Number(
        (await estimateDuration(await resolveJob(store, request, "1"), images))!.seconds.toFixed(6),
      );
    };
    assert.equal(await ask(tuned), 30, "the same job takes the same time");
    assert.equal(await ask(left), 40);
    assert.equal(await ask(left, 40), 80);
    assert.equal(await ask(byol), 50, "with the images that were tested on");
    assert.equal(await ask({ ...tuned, folds: 5 }), 160, "five times 0.64 of the images for 0.6");
    assert.equal(await ask({ ...tuned, folds: 5, fold: 1 }), 32);
  }));

Deno.test("what ran on another adapter tells nothing of this one", () =>
  withStore(async (store) => {
    await insertClasses(store, { images: 20 });
    const info = { vendor: "", architecture: "", device: "", software: false };
    for (const [description, seconds] of [["slow", 100], ["fast", 10]] as const) {
      const id = await timed(store, byol, seconds);
      await store.jobs.update(id, { device: { ...info, description } });
    }
    const ask = async (adapter?: string) =>
      (await (await durationEstimator(store, () => Promise.resolve(undefined), adapter))(
        await resolveJob(store, byol, "1"),
        20,
      ))?.seconds.toFixed(3);
    assert.deepEqual(await Promise.all([ask("slow"), ask("fast"), ask("new"), ask()]), [
      ...["100.000", "10.000"],
      undefined,
      "55.000",
    ]);
  }));

Deno.test("a clock that was set while a training ran changes no estimate", () =>
  withStore(async (store) => {
    await insertClasses(store, { images: 20 });
    const ask = async () => {
      const estimate = await durationEstimator(store, () => Promise.resolve(undefined));
      return await estimate(await resolveJob(store, byol, "1"), 20);
    };
    await timed(store, byol, 3_600, { measured: 10 });
    await timed(store, byol, -3_600, { measured: 10 });
    assert.deepEqual(await ask(), { seconds: 10, basis: "measured" });
    // Of a version that has not measured it.
    await timed(store, byol, -3_600);
    assert.deepEqual(await ask(), { seconds: 10, basis: "measured" });
  }));
