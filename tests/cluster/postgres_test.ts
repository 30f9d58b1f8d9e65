import assert from "node:assert/strict";
import { Listener } from "@/cluster/listener.ts";
import { Postgres } from "@/cluster/postgres.ts";
import { type DatabaseSettings, readDatabase } from "@/lib/cluster_settings.ts";
import { Unavailable } from "@/lib/errors.ts";
import { postgresTest } from "../support/postgres.ts";
import { until } from "../support/server.ts";

/** A pool on a database with one small table. */
async function opened(url: DatabaseSettings, patience?: number): Promise<Postgres> {
  const db = new Postgres(url, { patience });
  await db.query(`CREATE SCHEMA IF NOT EXISTS ${db.schema}`);
  await db.query(
    `CREATE TABLE IF NOT EXISTS numbers (id TEXT COLLATE "C" PRIMARY KEY, n BIGINT NOT NULL, x DOUBLE PRECISION, j JSON, b BYTEA)`,
  );
  return db;
}

postgresTest("PostgreSQL as the store uses it", async (postgres, t) => {
  const url = readDatabase(await postgres.database());
  const db = await opened(url);
  try {
    await t.step("values come back as SQLite gives them", async () => {
      const bytes = new Uint8Array([0, 1, 255]);
      const insert = "INSERT INTO numbers VALUES (?, ?, ?, ?, ?)";
      assert.equal(await db.run(insert, "it's ?", 2 ** 50, 0.1, '{"b":  1, "a": 2}', bytes), 1);
      const row = await db.get("SELECT * FROM numbers WHERE id = ? AND id <> '?'", "it's ?");
      assert.deepEqual({ ...row, b: [...row!.b as Uint8Array] }, {
        id: "it's ?",
        n: 2 ** 50,
        x: 0.1,
        j: '{"b":  1, "a": 2}',
        b: [0, 1, 255],
      });
      assert.deepEqual(
        await db.all("SELECT count(*) AS n, sum(n) AS s, n > 1 AS more FROM numbers GROUP BY n"),
        [{ n: 1, s: 2 ** 50, more: 1 }],
      );
      assert.equal(await db.get("SELECT 1 AS x FROM numbers WHERE id = ?", "none"), undefined);
      assert.equal(await db.run("DELETE FROM numbers"), 1);
      const now = await db.get<{ t: number }>(`SELECT ${db.clock} AS t`);
      assert.ok(Math.abs(now!.t - Date.now()) < 60_000);
    });

    await t.step("a list without entries holds nothing, as SQLite has it", async () => {
      const found = "SELECT 1 AS one WHERE 1 IN () OR 'IN ()' = ?";
      assert.deepEqual(await db.all(found, "x"), []);
      assert.equal((await db.all(found, "IN ()")).length, 1);
    });

    await t.step("the server orders by language, a column of ours by bytes", async () => {
      for (const id of ["a", "B", "ä", "Z", "b"]) {
        await db.run("INSERT INTO numbers VALUES (?, 0)", id);
      }
      const ids = async (order: string) =>
        (await db.all<{ id: string }>(`SELECT id FROM numbers ORDER BY ${order}`))
          .map(({ id }) => id).join("");
      assert.equal(await ids("id"), "BZabä");
      assert.notEqual(await ids('id COLLATE "und-x-icu"'), "BZabä");
      await db.run("DELETE FROM numbers");
    });

    await t.step(
      "sixty transactions that read and write one row lose nothing, twenty undone",
      async () => {
        await db.run("INSERT INTO numbers VALUES ('n', 0)");
        const done = await Promise.allSettled(
          Array.from({ length: 60 }, (_, i) =>
            db.transaction(async () => {
              const { n } = (await db.get<{ n: number }>("SELECT n FROM numbers WHERE id = 'n'"))!;
              await new Promise((resolve) => setTimeout(resolve, 1));
              await db.run("UPDATE numbers SET n = ? WHERE id = 'n'", n + 1);
              if (i % 3 === 0) throw new Error("undone");
            })),
        );
        assert.equal(
          done.filter(({ status }) => status === "fulfilled").length,
          40,
        );
        assert.equal((await db.get<{ n: number }>("SELECT n FROM numbers"))!.n, 40);
        assert.ok(db.repeated > 0);
        await db.run("DELETE FROM numbers");
      },
    );

    await t.step("two that compute the same next number get one each", async () => {
      await Promise.all(Array.from({ length: 16 }, () =>
        db.transaction(async () => {
          const { n } = (await db.get<{ n: number }>("SELECT count(*) AS n FROM numbers"))!;
          await db.run("INSERT INTO numbers VALUES (?, 0)", `row ${n}`);
        })));
      assert.equal((await db.get<{ n: number }>("SELECT count(*) AS n FROM numbers"))!.n, 16);
      await db.run("DELETE FROM numbers");
    });

    await t.step("what breaks a rule of the table in the end is told", async () => {
      await db.run("INSERT INTO numbers VALUES ('x', 0)");
      await assert.rejects(
        () => db.transaction(() => db.run("INSERT INTO numbers VALUES ('x', 1)")),
        /duplicate key/,
      );
      await db.run("DELETE FROM numbers");
    });

    await t.step("a transaction within one is part of it", async () => {
      await assert.rejects(() =>
        db.transaction(async () => {
          await db.transaction(() => db.run("INSERT INTO numbers VALUES ('inner', 0)"));
          throw new Error("outer");
        }), /outer/);
      assert.equal((await db.get<{ n: number }>("SELECT count(*) AS n FROM numbers"))!.n, 0);
    });

    await t.step("others see nothing of what is not committed", async () => {
      await db.transaction(async () => {
        await db.run("INSERT INTO numbers VALUES ('mine', 0)");
        const other = await opened(url);
        assert.equal(await other.get("SELECT 1 AS x FROM numbers"), undefined);
        await other.close();
      });
      assert.equal(await db.run("DELETE FROM numbers"), 1);
    });

    await t.step("a promise that outlives its transaction is refused, not lost", async () => {
      let late!: () => Promise<unknown>;
      await db.transaction(async () => {
        const { promise, resolve } = Promise.withResolvers<void>();
        const floating = promise.then(() => db.run("INSERT INTO numbers VALUES ('late', 0)"));
        late = () => (resolve(), floating);
        await db.get("SELECT 1 AS x");
      });
      await assert.rejects(late, /the transaction here has ended/);
    });

    await t.step(
      "a process that is frozen within a transaction does not keep the others",
      async () => {
        await db.run("INSERT INTO numbers VALUES ('row', 0)");
        const { promise, resolve } = Promise.withResolvers<void>();
        const frozen = new Postgres(url);
        const stuck = frozen.transaction(async () => {
          await frozen.run("SET LOCAL idle_in_transaction_session_timeout = 500");
          await frozen.run("UPDATE numbers SET n = 1");
          await promise;
          await frozen.run("UPDATE numbers SET n = 2");
        }).catch((error) => error);
        await new Promise((resolve) => setTimeout(resolve, 200));
        const started = performance.now();
        await db.run("UPDATE numbers SET n = 3");
        assert.ok(performance.now() - started < 10_000);
        resolve();
        assert.ok(await stuck instanceof Unavailable, String(await stuck));
        assert.equal((await db.get<{ n: number }>("SELECT n FROM numbers"))!.n, 3);
        await frozen.close();
        await db.run("DELETE FROM numbers");
      },
    );

    await t.step("a server that does not answer is away, after the patience given", async () => {
      const impatient = await opened(url, 500);
      await assert.rejects(() => impatient.query("SELECT pg_sleep(5)"), Unavailable);
      await assert.rejects(
        () => impatient.transaction(() => impatient.query("SELECT pg_sleep(5)")),
        Unavailable,
      );
      assert.equal((await impatient.get<{ x: number }>("SELECT 1 AS x"))!.x, 1);
      await impatient.close();
    });

    await t.step("what one tells, others hear, also after the server was away", async () => {
      const listener = new Listener(db.address, db.schema, { pause: 50, interval: 500 });
      const heard: (string | undefined)[] = [];
      const deaf = listener.on("mcgip_test", (payload) => heard.push(payload));
      await until(() => heard.includes(undefined), 10_000);
      await db.transaction(() => db.query("SELECT pg_notify('mcgip_test', 'one')"));
      await until(() => heard.includes("one"), 5_000);
      postgres.kill("SIGKILL");
      await postgres.ended();
      await assert.rejects(() => db.get("SELECT 1 AS x"), Unavailable);
      await assert.rejects(() => db.transaction(() => db.get("SELECT 1 AS x")), Unavailable);
      heard.length = 0;
      await postgres.start();
      await until(() => heard.includes(undefined), 10_000);
      await until(
        () => db.run("SELECT pg_notify('mcgip_test', 'two')").then(() => true, () => false),
        5_000,
      );
      await until(() => heard.includes("two"), 5_000);
      deaf();
      await listener.close();
    });
  } finally {
    await db.close();
  }
});
