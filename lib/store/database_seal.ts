/**
 * Whether a database is what its server left. SQLite's pages carry no sums: a changed byte of a text is found only
 * by the sum that is taken when a server closes its database in order, and compared when the next one opens it.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { isDiskFull } from "@/lib/errors.ts";
import { readSealed, writeSealed } from "./sealed_text.ts";

/** A larger file would keep a start waiting, bytes; what is left to whoever looks on purpose. */
const MOST_BYTES = 256 * 2 ** 20;

/** What to say of a database that was changed at rest. */
export const CHANGED =
  "The database is not as this server left it: somebody put another in its place, or bytes of it have " +
  "changed on the disk; in the latter case put it back from a backup";

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

/** Compares a database that nobody has opened with its sum. */
export function atRest(database: string): AtRest {
  const path = sealOf(database);
  if (!existsSync(path)) return "unknown";
  try {
    const same = existsSync(database) && readSealed(path, path) === sumOf(database);
    return same ? "same" : "changed";
  } catch {
    // The sum itself is damaged.
    return "changed";
  }
}

/** Compares, and forgets the sum: from now on the database is in use. Before it is opened. */
export function breakSeal(database: string): AtRest {
  const found = atRest(database);
  if (found !== "unknown") Deno.removeSync(sealOf(database));
  return found;
}
