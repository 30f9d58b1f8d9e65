/** Opens the database, by the driver that its place asks for. */
import type { Database } from "./database.ts";
import { Sqlite } from "./sqlite.ts";

/**
 * Opens or creates the file at `path`.
 * @param options.check looks at every page first
 * @throws {Damaged} for a file that is damaged
 * @throws {Error} when SQLite or the file's schema does not fit
 */
export async function openDatabase(
  path: string,
  options: { check?: boolean } = {},
): Promise<Database> {
  return await Sqlite.open(path, options);
}
