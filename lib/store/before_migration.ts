/** What was there before a newer program brought the database up: whoever goes back to the older one needs it. */
import { existsSync } from "node:fs";
import { Inspection } from "./inspection.ts";
import { knownVersion } from "./migrations.ts";

/**
 * Copies a database of an older schema to `aside/databases/`, where it is kept as long as all that is set aside;
 * before it is opened.
 * @returns the copy's path; undefined where the database is as this program has them
 * @throws {Damaged}
 */
export async function keepOlderDatabase(directory: string): Promise<string | undefined> {
  const inspection = new Inspection(`${directory}/mcgip.db`);
  try {
    const version = inspection.version();
    if (version === 0 || version >= knownVersion) return undefined;
    const folder = `${directory}/aside/databases`;
    Deno.mkdirSync(folder, { recursive: true });
    const path = `${folder}/schema-${version}.db`;
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
