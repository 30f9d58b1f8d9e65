/** What to say of a database that a newer version of the program has brought up, and how to go back. */
import { existsSync } from "node:fs";
import { knownVersion } from "./migrations.ts";

/** The copy, kept by a newer program, that this one can use; undefined without one. */
export function copyFromBefore(directory: string): string | undefined {
  for (let version = knownVersion; version > 0; version--) {
    const path = `${directory}/aside/databases/schema-${version}.db`;
    if (existsSync(path)) return path;
  }
}

/**
 * @param doing what cannot be done: `open /data/mcgip.db`
 * @param directory the data directory
 * @param version of the schema that was found
 */
export function newerSchema(doing: string, directory: string, version: number): Error {
  const copy = copyFromBefore(directory);
  const back = copy === undefined
    ? "or restore a backup of before; no copy of before is kept in aside/databases"
    : `or go back to the copy of before, ${copy} (README, "Go back to an older version": what came since is not in it)`;
  return new Error(
    `Cannot ${doing}: its schema is version ${version}, this program knows ${knownVersion}. A newer version has used ` +
      `it: start that version again, ${back}`,
  );
}
