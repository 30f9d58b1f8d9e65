/** The schema's versions for PostgreSQL, each brought in once, however many servers start at the same time. */
// @ts-types="./pg.d.ts"
import pg from "pg";
import { Conflict } from "@/lib/errors.ts";
import { asUnavailable, connection, type Postgres } from "./postgres.ts";
import attempts from "./attempts.sql" with { type: "text" };
import findings from "./findings.sql" with { type: "text" };
import deliveries from "./deliveries.sql" with { type: "text" };
import messages from "./messages.sql" with { type: "text" };
import schema from "./schema.sql" with { type: "text" };
import thumbnails from "./thumbnails.sql" with { type: "text" };

/** Each brings a schema of the version before to its own. Only additions: a server of the release before runs on it. */
export const schemaVersions = [schema, messages, deliveries, findings, thumbnails, attempts];

/** The oldest version whose servers know that they may run on a newer one: what comes later are additions. */
const RUNS_FROM = 6;

/** Any number that nobody else takes: "mcgip" in ASCII. */
const LOCK = 0x6d63676970;

/**
 * Brings the schema up to date, or makes it. One that is newer than this server, and made for servers of this version
 * too, is left as it is: so servers can be brought to a newer version one after another, and an old one may start.
 * @returns the version that is there
 * @throws {Error} where it is too new for this server
 * @throws {Unavailable} when the database is away
 */
export async function migrate(
  address: string,
  name: string,
  versions: string[] = schemaVersions,
): Promise<number> {
  const client = new pg.Client(connection(address, name));
  client.on("error", () => {});
  try {
    await client.connect();
    await client.query("BEGIN");
    // One migrates, the others wait and find it done. The longest wait is `lock_timeout`.
    await client.query("SELECT pg_advisory_xact_lock($1)", [LOCK]);
    await client.query(`CREATE SCHEMA IF NOT EXISTS ${name}`);
    await client.query("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)");
    await client.query("ALTER TABLE schema_version ADD COLUMN IF NOT EXISTS runs_from BIGINT");
    const { rows } = await client.query(
      "SELECT version, runs_from FROM schema_version ORDER BY version DESC LIMIT 1",
    );
    const { version = 0, runs_from }: { version?: number; runs_from?: number | null } = rows[0] ??
      {};
    if (version > versions.length && (runs_from ?? version) > versions.length) {
      throw new Error(
        `Cannot open schema "${name}" of the database: it is version ${version}, this server knows ` +
          `${versions.length}; start the newer server that made it`,
      );
    }
    for (const [i, sql] of versions.slice(version).entries()) {
      await client.query(inPostgres(sql));
      await client.query("INSERT INTO schema_version (version, runs_from) VALUES ($1, $2)", [
        ...[version + i + 1, RUNS_FROM],
      ]);
    }
    await client.query("COMMIT");
    return Math.max(version, versions.length);
  } catch (error) {
    throw asUnavailable(error);
  } finally {
    // The end of the connection is the end of its transaction.
    await client.end().catch(() => {});
  }
}

const inPostgres = (sql: string) =>
  sql.replace(/--.*$/gm, "").replace(/\bTEXT\b/g, 'TEXT COLLATE "C"');

/**
 * For a program that joins servers, and changes nothing by itself.
 * @throws {Conflict} where no server of its version, or of a newer one, has been started yet
 */
export async function assertMade(db: Postgres): Promise<void> {
  const made = await db.get<{ name: string | null }>(
    "SELECT to_regclass('schema_version') AS name",
  );
  const { version = null } = made?.name
    ? (await db.get<{ version: number }>("SELECT max(version) AS version FROM schema_version"))!
    : {};
  if (version !== null && version >= schemaVersions.length) return;
  await db.close();
  throw new Conflict(
    `Cannot work on schema "${db.schema}" of the database: it is version ${
      version ?? 0
    }, this program needs ` +
      `${schemaVersions.length}; a server of this version brings it there when it starts`,
  );
}

/**
 * For a program that only reads.
 * @throws {Conflict} where there is no schema of ours, with those that there are
 */
export async function assertReadable(db: Postgres): Promise<void> {
  const made = await db.get<{ name: string | null }>(
    "SELECT to_regclass('schema_version') AS name",
  );
  if (made?.name) return;
  const others = await db.all<{ name: string }>(
    `SELECT nspname::text AS name FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
     WHERE relname = 'file_references' AND relkind = 'v' ORDER BY nspname LIMIT 10`,
  );
  const there = others.length === 0
    ? "nor any other: MCGIP_DATABASE seems to name another database than that of the servers"
    : `but ${others.map(({ name }) => `?schema=${name}`).join(", ")}: name it by MCGIP_DATABASE`;
  throw new Conflict(
    `Cannot find anything: the database has no schema "${db.schema}" of a server, ${there}`,
  );
}

/** Whether a program that knows this version may run on the newer one that is there. */
export async function runsOn(db: Postgres, known: number): Promise<boolean> {
  const row = await db.get<{ runs_from: number | null }>(
    "SELECT runs_from FROM schema_version ORDER BY version DESC LIMIT 1",
  );
  return row?.runs_from != null && row.runs_from <= known;
}
