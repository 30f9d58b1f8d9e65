import assert from "node:assert/strict";
import { migrate, schemaVersions } from "@/cluster/migrate.ts";
import { TABLES } from "@/cluster/move.ts";
import { Postgres } from "@/cluster/postgres.ts";
import { readDatabase } from "@/lib/cluster_settings.ts";
import { postgresTest } from "../support/postgres.ts";
import { withStore } from "../support/temporary.ts";

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
