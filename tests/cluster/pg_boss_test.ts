import assert from "node:assert/strict";
import { Listener } from "@/cluster/listener.ts";
import { PgBossQueue } from "@/cluster/pg_boss.ts";
import { Postgres } from "@/cluster/postgres.ts";
import { type DatabaseSettings, readDatabase } from "@/lib/cluster_settings.ts";
import { Unavailable } from "@/lib/errors.ts";
import { ClaimLost } from "@/lib/jobs/claims.ts";
import { newId } from "@/lib/store/mod.ts";
import { postgresTest } from "../support/postgres.ts";
import { until } from "../support/server.ts";

const LEASE_S = 10;

interface Process {
  db: Postgres;
  queue: PgBossQueue;
  told: string[];
  close(): Promise<void>;
}

/** What one API process has. */
async function open(url: DatabaseSettings): Promise<Process> {
  const db = new Postgres(url);
  const listener = new Listener(db.address, db.schema);
  const told: string[] = [];
  const queue = await PgBossQueue.open(db, listener, {
    lease: LEASE_S,
    log: (text) => told.push(text),
  });
  return {
    db,
    queue,
    told,
    async close() {
      await queue.close();
      await listener.close();
      await db.close();
    },
  };
}

const any = { f16: true };
const plain = { f16: false };
const person = () => ({ id: newId("job"), study: null });
const cell = () => ({ id: newId("job"), study: "stu_1" });

postgresTest("a queue of several processes", async (postgres, t) => {
  const url = readDatabase(await postgres.database());
  // On an empty database, at once.
  const [a, b, c] = await Promise.all([open(url), open(url), open(url)]);
  const send = async (job: { id: string; study: string | null }, needs = plain) => {
    await a.db.transaction(() => a.queue.send(job, needs));
    return job.id;
  };
  /** Takes everything that waits, so that each step begins empty. */
  const drain = async () => {
    for (let claim; (claim = await b.queue.claim(any, 0));) await b.queue.end(claim);
  };
  try {
    await t.step("two workers, one job, one claim", async () => {
      const id = await send(person());
      const claims = await Promise.all(
        [a, b, c, a, b, c].map(({ queue }) => queue.claim(plain, 300)),
      );
      const got = claims.filter((claim) => claim !== undefined);
      assert.deepEqual(got.map(({ job_id }) => job_id), [id]);
      await c.queue.end(got[0]);
      assert.equal(await a.queue.claim(plain, 0), undefined);
    });

    await t.step("a hundred jobs over three processes are claimed once each", async () => {
      const ids = Array.from({ length: 100 }, person);
      await a.db.transaction(async () => {
        for (const job of ids) await a.queue.send(job, plain);
      });
      const seen: string[] = [];
      await Promise.all([a, b, c].map(async ({ queue, db }) => {
        for (let claim; (claim = await queue.claim(plain, 0));) {
          seen.push(claim.job_id);
          await db.transaction(() => queue.end(claim!));
        }
      }));
      assert.deepEqual(seen.sort(), ids.map(({ id }) => id).sort());
    });

    await t.step("what is sent and rolled back was never sent", async () => {
      await assert.rejects(
        () =>
          a.db.transaction(async () => {
            await a.queue.send(person(), plain);
            throw new Error("undone");
          }),
        /undone/,
      );
      assert.equal(await b.queue.claim(any, 0), undefined);
    });

    await t.step("a claim that waits is woken by what is sent", async () => {
      const times: number[] = [];
      for (let i = 0; i < 9; i++) {
        const waiting = b.queue.claim(plain, 10_000);
        await new Promise((resolve) => setTimeout(resolve, 150));
        const started = performance.now();
        await send(person());
        const claim = await waiting;
        times.push(performance.now() - started);
        await b.queue.end(claim!);
      }
      const median = times.sort((x, y) => x - y)[4];
      console.log(`from sending to a waiting claim: median ${median.toFixed(0)} ms`);
      assert.ok(median < 700, `${times}`);
    });

    await t.step(
      "a claim that waits leaves when it is told to, and when its time is over",
      async () => {
        const leaving = new AbortController();
        const started = performance.now();
        const waiting = a.queue.claim(plain, 60_000, leaving.signal);
        setTimeout(() => leaving.abort(), 100);
        assert.equal(await waiting, undefined);
        assert.equal(await a.queue.claim(plain, 50), undefined);
        assert.ok(performance.now() - started < 10_000);
      },
    );

    await t.step(
      "people go before cells, the oldest first; f16 goes to those who have it",
      async () => {
        const ids = [await send(cell()), await send(person()), await send(cell())];
        ids.push(await send(person()));
        const half = await send(cell(), any);
        const order: string[] = [];
        for (let claim; (claim = await b.queue.claim(plain, 0));) {
          order.push(claim.job_id);
          await b.queue.end(claim);
        }
        assert.deepEqual(order, [ids[1], ids[3], ids[0], ids[2]]);
        const claim = await b.queue.claim(any, 0);
        assert.equal(claim?.job_id, half);
        await b.queue.end(claim!);
      },
    );

    await t.step(
      "what is given back is there at once, before newer ones; the old claim is lost",
      async () => {
        const id = await send(person());
        await send(person());
        const first = await a.queue.claim(plain, 0);
        await a.queue.release(first!);
        const second = await b.queue.claim(plain, 0);
        assert.equal(second?.job_id, id);
        assert.ok(second!.attempt > first!.attempt);
        for (const act of ["hold", "end", "release"] as const) {
          await assert.rejects(() => a.queue[act](first!), ClaimLost, act);
        }
        await b.queue.hold(second!);
        await b.queue.end(second!);
        await drain();
      },
    );

    await t.step("a lost claim undoes what was written with it", async () => {
      await a.db.query("CREATE TABLE IF NOT EXISTS public.written (n BIGINT)");
      await send(person());
      const first = await a.queue.claim(plain, 0);
      const write = () => a.db.query("INSERT INTO public.written VALUES (1)");
      await a.db.transaction(async () => {
        await write();
        await a.queue.hold(first!);
      });
      await a.queue.release(first!);
      const second = await b.queue.claim(plain, 0);
      await assert.rejects(
        () =>
          a.db.transaction(async () => {
            await write();
            await a.queue.hold(first!);
          }),
        ClaimLost,
      );
      // And its end, rolled back for another reason, was no end.
      await assert.rejects(
        () =>
          b.db.transaction(async () => {
            await b.queue.end(second!);
            throw new Error("undone");
          }),
        /undone/,
      );
      await b.queue.hold(second!);
      await b.queue.end(second!);
      await assert.rejects(() => b.queue.end(second!), ClaimLost);
      const { rows } = await a.db.query("SELECT count(*) AS n FROM public.written");
      assert.equal(rows[0].n, 1);
    });

    await t.step("what was withdrawn is claimed by nobody, and can be sent again", async () => {
      const waiting = person();
      await send(waiting);
      await a.db.transaction(() => a.queue.withdraw(waiting.id));
      assert.equal(await b.queue.claim(any, 0), undefined);
      const running = person();
      await send(running);
      const claim = await b.queue.claim(plain, 0);
      await a.db.transaction(() => a.queue.withdraw(running.id));
      await assert.rejects(() => b.queue.hold(claim!), ClaimLost);
      await assert.rejects(() => b.queue.end(claim!), ClaimLost);
      await a.queue.withdraw(newId("job"));
      await send(running);
      const again = await b.queue.claim(plain, 0);
      assert.equal(again?.job_id, running.id);
      // The claim from before it was withdrawn is not this one.
      await assert.rejects(() => b.queue.hold(claim!), ClaimLost);
      await b.queue.end(again!);
    });

    await t.step("a job is not sent twice", async () => {
      const job = person();
      await send(job);
      await assert.rejects(() => send(job), /waits or runs already/);
      await drain();
    });

    await t.step(
      "a claim that nobody holds ends after its lease; one that is held does not",
      async () => {
        const [dead, alive] = [await send(person()), await send(person())];
        const first = await a.queue.claim(plain, 0);
        const held = await a.queue.claim(plain, 0);
        assert.deepEqual([first?.job_id, held?.job_id], [dead, alive]);
        const started = performance.now();
        const beats = setInterval(() => void a.queue.hold(held!).catch(() => {}), 2_000);
        const second = await b.queue.claim(plain, 40_000);
        clearInterval(beats);
        const seconds = (performance.now() - started) / 1000;
        console.log(`lease ${LEASE_S} s: handed out again after ${seconds.toFixed(1)} s`);
        assert.equal(second?.job_id, dead);
        assert.ok(seconds > LEASE_S - 3 && seconds < LEASE_S + 8, `${seconds}`);
        await assert.rejects(() => a.queue.hold(first!), ClaimLost);
        await a.queue.hold(held!);
        await a.queue.end(held!);
        await b.queue.end(second!);
      },
    );

    await t.step("while the database is away it is said so; afterwards all goes on", async () => {
      await send(person());
      const claim = await a.queue.claim(plain, 0);
      const waiting = send(person());
      await waiting;
      postgres.kill("SIGKILL");
      await postgres.ended();
      await assert.rejects(() => a.queue.claim(plain, 0), Unavailable);
      await assert.rejects(() => a.db.transaction(() => a.queue.hold(claim!)), Unavailable);
      await assert.rejects(() => a.db.query("SELECT 1"), Unavailable);
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      await postgres.start();
      await until(() => a.queue.hold(claim!).then(() => true, () => false), 20_000);
      await a.queue.end(claim!);
      const next = await b.queue.claim(plain, 20_000);
      await b.queue.end(next!);
      assert.ok(a.told.length < 10, a.told.join("\n"));
      // Woken again, also by a connection made anew.
      await until(async () => {
        const woken = b.queue.claim(plain, 900);
        await new Promise((resolve) => setTimeout(resolve, 100));
        const started = performance.now();
        await send(person());
        const claim = await woken;
        const ms = performance.now() - started;
        if (claim) await b.queue.end(claim);
        return ms < 500;
      }, 20_000);
    });
  } finally {
    await Promise.all([a, b, c].map((process) => process.close()));
  }
});
