/** The schema's versions for PostgreSQL, each brought in once, however many servers start at the same time. */
// @ts-types="./pg.d.ts"
import pg from "pg";
import { asUnavailable, connection } from "./postgres.ts";
import attempts from "./attempts.sql" with { type: "text" };
import findings from "./findings.sql" with { type: "text" };
import deliveries from "./deliveries.sql" with { type: "text" };
import messages from "./messages.sql" with { type: "text" };
import schema from "./schema.sql" with { type: "text" };
import thumbnails from "./thumbnails.sql" with { type: "text" };

/** Each brings a schema of the version before to its own. Only additions: a server of the release before runs on it. */
export const schemaVersions = [schema, messages, deliveries, findings, thumbnails, attempts];

/** Any number that nobody else takes: "mcgip" in ASCII. */
const LOCK = 0x6d63676970;

/**
 * Brings the schema up to date, or makes it.
 * @throws {Error} where it is newer than this server
 * @throws {Unavailable} when the database is away
 */
export async function migrate(address: string, name: string): Promise<void> {
  const client = new pg.Client(connection(address, name));
  client.on("error", () => {});
  try {
    await client.connect();
    await client.query("BEGIN");
    // One migrates, the others wait and find it done. The longest wait is `lock_timeout`.
    await client.query("SELECT pg_advisory_xact_lock($1)", [LOCK]);
    await client.query(`CREATE SCHEMA IF NOT EXISTS ${name}`);
    await client.query("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)");
    const { rows } = await client.query("SELECT max(version) AS version FROM schema_version");
    const version: number = rows[0].version ?? 0;
    if (version > schemaVersions.length) {
      throw new Error(
        `Cannot open schema "${name}" of the database: it is version ${version}, this server knows ` +
          `${schemaVersions.length}; start the newer server that made it`,
      );
    }
    for (const [i, sql] of schemaVersions.slice(version).entries()) {
      await client.query(inPostgres(sql));
      await client.query("INSERT INTO schema_version VALUES ($1)", [version + i + 1]);
    }
    await client.query("COMMIT");
  } catch (error) {
    throw asUnavailable(error);
  } finally {
    // The end of the connection is the end of its transaction.
    await client.end().catch(() => {});
  }
}

const inPostgres = (sql: string) =>
  sql.replace(/--.*$/gm, "").replace(/\bTEXT\b/g, 'TEXT COLLATE "C"');
