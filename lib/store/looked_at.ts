/** Keys of a data directory and what they have stored, for a program that only looks: nothing is written or made. */
import { existsSync } from "node:fs";
import type { Database } from "./database.ts";
import { Keys } from "./keys.ts";
import { isHeld } from "./lock.ts";
import { Owners } from "./owners.ts";
import { Sqlite } from "./sqlite.ts";
import { StoredFiles } from "./stored_files.ts";
import { Uploads } from "./uploads.ts";

export interface LookedAt {
  readonly keys: Keys;
  readonly owners: Owners;
  readonly files: StoredFiles;
  readonly uploads: Uploads;
  /** Nothing is to be tidied up on the way. */
  readonly looksOnly: true;
  /** Version of the database's schema. */
  readonly schema: number;
  close(): Promise<void>;
}

/** @throws {Error} of SQLite, where the database cannot be read */
export async function lookAt(directory: string): Promise<LookedAt> {
  const { db, end } = await open(directory);
  try {
    return {
      keys: new Keys(db),
      owners: new Owners(db),
      files: new StoredFiles(`${directory}/files`),
      uploads: new Uploads(`${directory}/uploads`, { looksOnly: true }),
      looksOnly: true,
      schema: await schemaOf(db),
      close: end,
    };
  } catch (error) {
    await end();
    throw error;
  }
}

async function schemaOf(db: Database): Promise<number> {
  return (await db.get<{ user_version: number }>("PRAGMA user_version"))!.user_version;
}

/** In a directory that takes no file SQLite cannot make the log that it reads by: there a copy is looked at. */
async function open(directory: string): Promise<{ db: Database; end(): Promise<void> }> {
  const path = `${directory}/mcgip.db`;
  const db = Sqlite.look(path);
  try {
    await schemaOf(db);
    return { db, end: () => db.close() };
  } catch (error) {
    await db.close();
    // What a log holds is not in a copy of the database.
    if (isHeld(directory) || existsSync(`${path}-wal`)) throw error;
  }
  const folder = Deno.makeTempDirSync({ prefix: "mcgip_keys_" });
  const remove = () => Deno.removeSync(folder, { recursive: true });
  try {
    Deno.copyFileSync(path, `${folder}/mcgip.db`);
    const copy = Sqlite.look(`${folder}/mcgip.db`);
    return { db: copy, end: () => copy.close().finally(remove) };
  } catch (error) {
    remove();
    throw error;
  }
}
