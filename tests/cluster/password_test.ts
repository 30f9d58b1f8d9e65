/** A database that asks for a password, with what an address must encode. */
import assert from "node:assert/strict";
import pg from "pg";
import { Postgres } from "@/cluster/postgres.ts";
import { readDatabase } from "@/lib/cluster_settings.ts";
import { postgresTest } from "../support/postgres.ts";
import { clusterEnvironment, startS3rver } from "../support/s3_servers.ts";
import { startServer } from "../support/server.ts";
import { withDirectory } from "../support/temporary.ts";

const PASSWORD = "a/b#c?d@e%2F";

postgresTest("a server takes a database's password by PGPASSWORD, or encoded", async (postgres) => {
  const address = await postgres.database();
  const client = new pg.Client(address);
  await client.connect();
  try {
    await client.query(`ALTER ROLE mcgip PASSWORD '${PASSWORD}'`);
    const { rows: [{ hba_file }] } = await client.query("SHOW hba_file");
    Deno.writeTextFileSync(hba_file, "host all all 127.0.0.1/32 scram-sha-256\n");
    await client.query("SELECT pg_reload_conf()");
  } finally {
    await client.end();
  }
  const encoded = address.replace("mcgip@", `mcgip:${encodeURIComponent(PASSWORD)}@`);
  const db = new Postgres(readDatabase(encoded));
  assert.deepEqual(await db.get("SELECT 1 AS one"), { one: 1 });
  await db.close();

  const s3 = await startS3rver();
  try {
    await withDirectory(async (folder) => {
      const env = clusterEnvironment(s3, address, { MCGIP_WORKERS: "0" });
      await assert.rejects(() => startServer({ data: `${folder}/without`, env }), (error) => {
        assert.ok(!String(error).includes(PASSWORD));
        return /asks for a password, set PGPASSWORD/.test(String(error));
      });
      const server = await startServer({
        data: `${folder}/with`,
        env: { ...env, PGPASSWORD: PASSWORD },
      });
      try {
        const { database } = await (await server.fetch("/readyz")).json();
        assert.equal(database, true);
        assert.ok(!server.log().includes(PASSWORD));
      } finally {
        await server.stop();
      }
    });
  } finally {
    await s3.stop();
  }
});
