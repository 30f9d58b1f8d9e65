/**
 * Moves a data directory into a database and a bucket, or back: every row, every stored file, and the checkpoints of
 * what has begun. Neither server nor worker may run meanwhile, and the target must be empty. What is left where it was
 * is not touched: until something has been changed at the new place, the way back is to start the server on the old
 * one.
 */
import { Conflict } from "@/lib/errors.ts";
import type { Database, SqlRow, SqlValue } from "@/lib/store/database.ts";

/** Tables with their keys, those first that others refer to. Workers are left out: they come back by themselves. */
export const TABLES: Record<string, string[]> = {
  datasets: ["id"],
  images: ["id"],
  gaze: ["id"],
  heatmaps: ["id"],
  readings: ["id"],
  reports: ["id"],
  jobs: ["id"],
  events: ["job_id", "id"],
  metrics: ["job_id", "step", "name"],
  attempts: ["job_id", "number"],
  job_variants: ["job_id", "device"],
  similarities: ["id"],
  models: ["id"],
  aliases: ["alias"],
  image_sets: ["id"],
  model_image_sets: ["model_id", "set_id", "own"],
  evaluations: ["id"],
  studies: ["id"],
  study_cells: ["study_id", "position"],
  predictions: ["id"],
  thumbnails: ["prediction_id"],
  tuning: ["device", "pass"],
  keys: ["id"],
  owners: ["thing"],
  idempotency: ["owner", "key"],
};

/** Rows that are read at once, and values that are written at once. */
const PAGE = 500;
const MOST_VALUES = 10_000;

/** @throws {Conflict} when something is there already */
export async function assertEmpty(to: Database, where: string): Promise<void> {
  for (const table of Object.keys(TABLES)) {
    // A start makes a key.
    if (table === "keys") continue;
    if (await to.get(`SELECT 1 AS found FROM ${table} LIMIT 1`)) {
      throw new Conflict(
        `Cannot move to ${where}: its table ${table} has rows already; name another, empty one`,
      );
    }
  }
}

/** Copies every row in one transaction; the numbers of rows by table. */
export async function copyRows(from: Database, to: Database): Promise<Record<string, number>> {
  return await to.transaction(async () => {
    const counts: Record<string, number> = {};
    await to.run("DELETE FROM keys");
    for (const [table, key] of Object.entries(TABLES)) {
      counts[table] = 0;
      for await (const rows of pages(from, table, key)) {
        await insert(to, table, rows);
        counts[table] += rows.length;
      }
    }
    // Whoever ran them does not any more, nor does the queue that handed them out.
    await to.run("UPDATE jobs SET lease_until = 0, delivery = NULL WHERE state = 'running'");
    return counts;
  });
}

async function* pages(db: Database, table: string, key: string[]): AsyncGenerator<SqlRow[]> {
  const names = key.map((name) => `"${name}"`).join(", ");
  const marks = key.map(() => "?").join(", ");
  let last: SqlValue[] | undefined;
  for (;;) {
    const rows: SqlRow[] = await db.all(
      `SELECT * FROM ${table} ${
        last ? `WHERE (${names}) > (${marks})` : ""
      } ORDER BY ${names} LIMIT ${PAGE}`,
      ...last ?? [],
    );
    if (rows.length > 0) yield rows;
    if (rows.length < PAGE) return;
    last = key.map((name) => rows.at(-1)![name]);
  }
}

async function insert(db: Database, table: string, rows: SqlRow[]): Promise<void> {
  const columns = Object.keys(rows[0]);
  const most = Math.max(1, Math.floor(MOST_VALUES / columns.length));
  const names = columns.map((name) => `"${name}"`).join(", ");
  const row = `(${columns.map(() => "?").join(", ")})`;
  for (let at = 0; at < rows.length; at += most) {
    const part = rows.slice(at, at + most);
    await db.run(
      `INSERT INTO ${table} (${names}) VALUES ${part.map(() => row).join(", ")}`,
      ...part.flatMap((values) => columns.map((name) => values[name])),
    );
  }
}
