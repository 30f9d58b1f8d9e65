import assert from "node:assert/strict";
import { assertMade, migrate, runsOn, schemaVersions } from "@/cluster/migrate.ts";
import { TABLES } from "@/cluster/move.ts";
import { Postgres } from "@/cluster/postgres.ts";
import { readDatabase } from "@/lib/cluster_settings.ts";
import { newJob } from "@/lib/jobs/queue.ts";
import type { Queue } from "@/lib/store/claims.ts";
import { Jobs } from "@/lib/store/jobs.ts";
import { postgresTest } from "../support/postgres.ts";
import { withStore } from "../support/temporary.ts";

/** A queue that is asked for nothing here. */
const passive = {
  free: "TRUE",
  lapsed: "FALSE",
  unknown: "FALSE",
  send: () => Promise.resolve(),
} as unknown as Queue;

/** What only servers that share a database need. */
const SHARED_ONLY = ["blobs", "checkpoints", "schema_version", "secrets"];
const TYPES: Record<string, string[]> = {
  INTEGER: ["bigint"],
  REAL: ["double precision"],
  TEXT: ["text", "json"],
  BLOB: ["bytea"],
};

interface Column {
  table: string;
  column: string;
  type: string;
  required: number;
  collation: string | null;
}

postgresTest("the schema for PostgreSQL", async (postgres, t) => {
  const url = readDatabase(await postgres.database());
  const db = new Postgres(url);
  try {
    await t.step("is made once by eight servers that start at the same time", async () => {
      await Promise.all(Array.from({ length: 8 }, () => migrate(db.address, db.schema)));
      await migrate(db.address, db.schema);
      assert.deepEqual(
        await db.all("SELECT version FROM schema_version ORDER BY version"),
        schemaVersions.map((_, i) => ({ version: i + 1 })),
      );
    });

    await t.step("has SQLite's tables and columns, ordered by bytes", async () => {
      const columns = await db.all<Column>(
        `SELECT table_name AS "table", column_name AS "column", data_type AS type,
           is_nullable = 'NO' AS required, collation_name AS collation
         FROM information_schema.columns WHERE table_schema = ?`,
        db.schema,
      );
      assert.deepEqual(
        columns.filter(({ type, collation }) => type === "text" && collation !== "C"),
        [],
      );
      const ours = columns.filter(({ table }) =>
        !SHARED_ONLY.includes(table) && table !== "file_references"
      );
      const nameOf = ({ table, column }: Column) => `${table}.${column}`;
      await withStore(async (store) => {
        const theirs = await store.db.all<Column>(
          `SELECT t.name AS "table", c.name AS "column", c.type, c."notnull" OR c.pk AS required
           FROM sqlite_schema AS t, pragma_table_info(t.name) AS c WHERE t.type = 'table'`,
        );
        assert.deepEqual(ours.map(nameOf).sort(), theirs.map(nameOf).sort());
        const moved = new Set([...Object.keys(TABLES), "workers"]);
        assert.deepEqual([...moved].sort(), [...new Set(theirs.map(({ table }) => table))].sort());
        for (const column of theirs) {
          const same = ours.find((other) => nameOf(other) === nameOf(column))!;
          assert.ok(TYPES[column.type].includes(same.type), `${nameOf(column)}: ${same.type}`);
          assert.equal(same.required, column.required, nameOf(column));
        }
      });
    });

    await t.step(
      "of the version before is brought up, with its rows; until then none joins",
      async () => {
        const settings = { ...url, schema: "before" };
        const old = new Postgres(settings);
        const joining = new Postgres(settings);
        try {
          assert.equal(await migrate(old.address, "before", schemaVersions.slice(0, -1)), 5);
          await old.run("INSERT INTO workers (name, lease_until) VALUES ('gpu', 9999999999999)");
          const job =
            (await new Jobs(old, passive).insert(newJob("similarity", { dataset: "x" }))).id;
          await assert.rejects(
            () => assertMade(joining),
            /it is version 5, this program needs 6; a server of this version brings it there/,
          );
          assert.equal(await migrate(old.address, "before"), 6);
          const jobs = new Jobs(old, passive);
          assert.deepEqual(
            await old.all("SELECT name, label, since, about FROM workers"),
            [{ name: "gpu", label: null, since: null, about: null }],
          );
          assert.deepEqual(await jobs.attempts.ofJob(job), []);
          await jobs.attempts.begin({ id: job, fence: 1 }, "gpu", "box");
          assert.equal((await jobs.attempts.ofJob(job))[0].label, "box");
          await old.run("DELETE FROM jobs");
          assert.deepEqual(await jobs.attempts.ofJob(job), []);
        } finally {
          await old.close();
        }
      },
    );

    await t.step("that a newer server made for this one, too, is left as it is", async () => {
      const newer = [...schemaVersions, "CREATE TABLE later (id TEXT PRIMARY KEY)"];
      assert.equal(await migrate(db.address, "newer", newer), newer.length);
      assert.equal(await migrate(db.address, "newer"), newer.length);
      const there = new Postgres({ ...url, schema: "newer" });
      try {
        await assertMade(there);
        assert.equal(await runsOn(there, schemaVersions.length), true);
        await there.run("UPDATE schema_version SET runs_from = ?", newer.length);
        assert.equal(await runsOn(there, schemaVersions.length), false);
        await assert.rejects(() => migrate(db.address, "newer"), /this server knows \d+; start/);
      } finally {
        await there.close();
      }
    });

    await t.step("of a newer server is refused, with what to do", async () => {
      await db.run("INSERT INTO schema_version VALUES (99)");
      await assert.rejects(
        () => migrate(db.address, db.schema),
        /version 99, this server knows \d+; start the newer server/,
      );
    });
  } finally {
    await db.close();
  }
});
