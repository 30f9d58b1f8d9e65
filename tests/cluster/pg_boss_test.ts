import assert from "node:assert/strict";
import { readCluster } from "@/lib/cluster_settings.ts";
import { Unavailable } from "@/lib/errors.ts";
import { newJob } from "@/lib/jobs/queue.ts";
import { WAITS } from "@/lib/store/claims.ts";
import { openStore, type Store } from "@/lib/store/mod.ts";
import { postgresTest } from "../support/postgres.ts";
import { queueContract } from "../support/queue_contract.ts";
import { until } from "../support/server.ts";
import { withDirectory } from "../support/temporary.ts";

const add = (store: Store) => store.jobs.insert(newJob("count", {}));
const end = (store: Store, job: { id: string; fence: number }) =>
  store.jobs.change(job, { state: "succeeded", result: {} });

postgresTest("the queue of a cluster, as three servers have it", async (postgres, t) => {
  const env: Record<string, string> = {
    MCGIP_DATABASE: await postgres.database(),
    MCGIP_FILES: "s3://none",
    AWS_ENDPOINT_URL_S3: "http://127.0.0.1:1",
    AWS_ACCESS_KEY_ID: "a",
    AWS_SECRET_ACCESS_KEY: "b",
  };
  const cluster = readCluster((name) => env[name])!;
  const deliveries = `${cluster.database.schema}_queue.job`;
  await withDirectory(async (folder) => {
    // On an empty database, at once.
    const stores = await Promise.all(
      ["a", "b", "c"].map((name) => openStore(`${folder}/${name}`, { cluster })),
    );
    const [a, b] = stores;
    const count = async (state: string) =>
      (await a.db.get<{ n: number }>(`SELECT count(*) AS n FROM ${deliveries} WHERE ${state}`))!.n;
    try {
      await queueContract(stores, t);

      await t.step("nothing is left of what has ended", async () => {
        assert.equal(await count("TRUE"), 0);
      });

      await t.step("who waits hears of a job that is queued elsewhere", async () => {
        let heard = () => {};
        const deaf = b.cluster!.listen(WAITS, () => heard());
        await until(async () => {
          const told = new Promise<boolean>((resolve) => {
            heard = () => resolve(true);
            setTimeout(() => resolve(false), 500);
          });
          await add(a);
          return await told;
        }, 20_000);
        const times: number[] = [];
        for (let i = 0; i < 9; i++) {
          const told = new Promise<void>((resolve) => heard = resolve);
          const started = performance.now();
          await add(a);
          await told;
          times.push(performance.now() - started);
        }
        deaf();
        console.log(
          `from queueing to hearing of it elsewhere: median ${
            times.sort((x, y) => x - y)[4].toFixed(0)
          } ms`,
        );
        assert.ok(times[4] < 700, `${times}`);
        for (let job; (job = await a.jobs.claim("last"));) await end(a, job);
      });

      await t.step("a delivery is exchanged before pg-boss's 24 hours are over", async () => {
        const { id } = await add(a);
        const job = (await a.jobs.claim("steady"))!;
        const before = (await a.jobs.get(id)).delivery;
        await a.jobs.hold("steady");
        assert.equal((await a.jobs.get(id)).delivery, before);
        await a.db.run(`UPDATE ${deliveries} SET started_on = now() - interval '21 hours'`);
        await a.jobs.hold("steady");
        assert.notEqual((await a.jobs.get(id)).delivery, before);
        assert.equal(await count("state = 'active' AND started_on > now() - interval '1 hour'"), 1);
        assert.equal((await a.jobs.get(id)).fence, job.fence, "it stays its worker's");
        await end(a, job);
      });

      await t.step("what the queue has forgotten is sent again", async () => {
        const waiting = await add(a);
        const { id } = await add(a);
        const running = (await a.jobs.claim("worker"))!;
        assert.equal(running.id, waiting.id);
        await a.db.run(`DELETE FROM ${deliveries}`);
        assert.equal(await b.jobs.claim("another"), undefined);
        assert.equal(await b.jobs.sendUnknown(), 2);
        assert.equal(await b.jobs.sendUnknown(), 0);
        await a.jobs.hold("worker");
        assert.equal((await b.jobs.claim("another"))?.id, id);
        await end(a, running);
        await b.jobs.release("another");
        await end(b, (await b.jobs.claim("last"))!);
      });

      await t.step("while the database is away it is said so; afterwards all goes on", async () => {
        await add(a);
        const job = (await a.jobs.claim("worker"))!;
        await add(a);
        postgres.kill("SIGKILL");
        await postgres.ended();
        await assert.rejects(() => a.jobs.claim("another"), Unavailable);
        await assert.rejects(() => a.jobs.hold("worker"), Unavailable);
        await assert.rejects(() => add(a), Unavailable);
        await new Promise((resolve) => setTimeout(resolve, 2_000));
        await postgres.start();
        await until(() => a.jobs.hold("worker").then(() => true, () => false), 20_000);
        await end(a, job);
        await end(b, (await b.jobs.claim("last"))!);
      });
    } finally {
      await Promise.all(stores.map((store) => store.close()));
    }
  });
});
