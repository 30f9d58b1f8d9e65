/** Opens the database, by the driver that its place asks for. */
import type { Database } from "./database.ts";
import { Sqlite } from "./sqlite.ts";

/** Opens or creates the file at `path`; throws when SQLite or the file's schema does not fit. */
export async function openDatabase(path: string): Promise<Database> {
  return await Sqlite.open(path);
}
