/**
 * Whether a database is what its server left. SQLite's pages carry no sums: damage to their structure is found by
 * SQLite itself, a changed byte of a text only by the sum that is taken when a server closes its database in order.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { Conflict, isDiskFull } from "@/lib/errors.ts";
import { readSealed, writeSealed } from "./sealed_text.ts";

/** A larger file would keep a start waiting, bytes; what is left to whoever looks on purpose. */
const MOST_BYTES = 256 * 2 ** 20;

/** What is known of a database at a start: like at its end, changed since, or nothing. */
export type AtRest = "same" | "changed" | "unknown";

const sealOf = (database: string) => `${database}.sha256`;

function sumOf(database: string): string {
  const hash = createHash("sha256");
  const file = Deno.openSync(database);
  try {
    const chunk = new Uint8Array(1 << 20);
    for (let n = file.readSync(chunk); n !== null; n = file.readSync(chunk)) {
      hash.update(chunk.subarray(0, n));
    }
  } finally {
    file.close();
  }
  return hash.digest("hex");
}

const small = (database: string) => Deno.statSync(database).size <= MOST_BYTES;

/** Keeps the sum of a database that its last user has closed. */
export function seal(database: string): void {
  // Its journal is there while somebody uses it.
  if (existsSync(`${database}-wal`) || !small(database)) return;
  try {
    writeSealed(sealOf(database), sumOf(database));
  } catch (error) {
    if (!isDiskFull(error)) throw error;
  }
}

/** Compares, and forgets the sum: from now on the database is in use. Before it is opened. */
export function breakSeal(database: string): AtRest {
  const path = sealOf(database);
  if (!existsSync(path)) return "unknown";
  let same = false;
  try {
    same = existsSync(database) && readSealed(path, path) === sumOf(database);
  } catch {
    // The sum itself is damaged.
  }
  Deno.removeSync(path);
  return same ? "same" : "changed";
}

/** A database as far as the check needs it. */
interface Checked {
  get(sql: string): unknown;
}

/** @throws {Conflict} for one whose structure is damaged, with the way back */
export function assertSound(db: Checked, database: string): void {
  if (!small(database)) return;
  const { quick_check: found } = db.get("PRAGMA quick_check(1)") as { quick_check: string };
  if (found !== "ok") throw damaged(database, found);
}

export const damaged = (database: string, why: string): Conflict =>
  new Conflict(
    `Cannot start: the database ${database} is damaged (${
      why.replaceAll("\n", "; ").slice(0, 200)
    }). ` +
      `Put it back from a backup, without mcgip.db-wal and mcgip.db-shm beside it unless the backup has ` +
      `them; a copy of the damaged one may help those who rescue rows by "sqlite3 mcgip.db .recover"`,
  );
