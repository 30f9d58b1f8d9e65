/** Studies go on by the server alone, whatever the workers do. */
import assert from "node:assert/strict";
import { Unavailable } from "@/lib/errors.ts";
import { newJob, submit } from "@/lib/jobs/queue.ts";
import { StudyKeeper } from "@/lib/studies/study_keeper.ts";
import { insertClasses } from "../support/classes.ts";
import { until } from "../support/server.ts";
import { withStore } from "../support/temporary.ts";

Deno.test("a study goes on while the worker has a long job, with a job waiting for each worker", () =>
  withStore(async (store) => {
    await insertClasses(store);
    await store.jobs.insert(newJob("pretrain", {}));
    await store.jobs.claim("busy");
    const changed: string[] = [];
    const keeper = new StudyKeeper({
      store,
      changed: (jobs) => void changed.push(...jobs),
      log: assert.fail,
    });
    keeper.start();
    try {
      const { id } = await submit(store, {
        ...{ kind: "study", dataset: "discs", methods: ["byol"], arms: ["none", "labels"] },
        ...{ seeds: [0, 1, 2], finetune: { epochs: 1 } },
        pretrain: { epochs: 1, width: 8, image_size: 16, channels: 1 },
      }, "1");
      keeper.wake();
      const waiting = async () =>
        await store.jobs.count([["state = ?", "queued"], ["kind <> ?", "study"]]);
      await until(
        async () => (await store.jobs.get(id)).state === "running" && await waiting() === 2,
        10_000,
      );
      assert.ok(changed.includes(id));
      for (const name of ["a", "b", "c"]) await store.workers.hold(name);
      await until(async () => await waiting() === 4, 10_000);
    } finally {
      await keeper.stop();
    }
  }));

Deno.test("a database that is away is told once, and that studies go on", () =>
  withStore(async (store) => {
    const told: string[] = [];
    let tries = 0;
    let away = true;
    const { jobs } = store;
    const studies = jobs.studies.bind(jobs);
    jobs.studies = async () => {
      tries++;
      if (away) throw new Unavailable('Cannot reach the database "there"');
      return await studies();
    };
    const keeper = new StudyKeeper({ store, changed: () => {}, log: (text) => told.push(text) });
    keeper.start();
    try {
      const look = async () => {
        const before = tries;
        keeper.wake();
        await until(() => tries > before, 10_000);
      };
      for (let i = 0; i < 3; i++) await look();
      assert.deepEqual(told, ['studies: Cannot reach the database "…"']);
      away = false;
      await look();
      await until(() => told.length > 1, 10_000);
      for (let i = 0; i < 3; i++) await look();
      assert.deepEqual(told.slice(1), ["studies: they go on"]);
    } finally {
      await keeper.stop();
    }
  }));
