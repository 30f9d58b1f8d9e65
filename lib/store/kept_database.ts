/** What a start would leave nothing of, kept in `aside/databases/` for as long as all that is set aside. */
import { existsSync } from "node:fs";
import { Inspection } from "./inspection.ts";
import { knownVersion } from "./migrations.ts";

function folderIn(directory: string): string {
  const folder = `${directory}/aside/databases`;
  Deno.mkdirSync(folder, { recursive: true });
  return folder;
}

/** Copies a log that is damaged, and the database that it belongs to, before SQLite drops what it cannot use of it. */
export function keepLog(directory: string): void {
  const folder = folderIn(directory);
  const stamp = new Date().toISOString().replaceAll(/\D/g, "");
  for (const ending of ["db", "db-wal"]) {
    Deno.copyFileSync(`${directory}/mcgip.${ending}`, `${folder}/damaged-${stamp}.${ending}`);
  }
}

/**
 * Copies a database of an older schema, before it is opened: whoever goes back to an older program needs it.
 * @returns the copy's path; undefined where the database is as this program has them
 * @throws {Damaged}
 */
export async function keepOlderDatabase(directory: string): Promise<string | undefined> {
  const inspection = new Inspection(`${directory}/mcgip.db`);
  try {
    const version = inspection.version();
    if (version === 0 || version >= knownVersion) return undefined;
    const path = `${folderIn(directory)}/schema-${version}.db`;
    const partial = `${path}.partial`;
    if (existsSync(partial)) Deno.removeSync(partial);
    await inspection.copyTo(partial);
    Deno.chmodSync(partial, 0o600);
    Deno.renameSync(partial, path);
    return path;
  } finally {
    inspection.close();
  }
}
