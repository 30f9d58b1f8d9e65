/** The key of keyed hashes, as a row: all servers hash a reader's name alike. */
import type { Postgres } from "./postgres.ts";

/** 32 bytes, made by the first who asks. */
export async function sharedSecret(db: Postgres): Promise<Uint8Array> {
  await db.run(
    "INSERT INTO secrets (name, value) VALUES ('hashes', ?) ON CONFLICT (name) DO NOTHING",
    crypto.getRandomValues(new Uint8Array(32)),
  );
  const row = await db.get<{ value: Uint8Array }>(
    "SELECT value FROM secrets WHERE name = 'hashes'",
  );
  return new Uint8Array(row!.value);
}
