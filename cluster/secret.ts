/** Keys of keyed hashes, as rows: all servers hash a reader's name alike. */
import type { Postgres } from "./postgres.ts";

/** 32 bytes, made by the first who asks. @param name `hashes`: of readers' names; `bucket`: of the bucket's mark */
export async function sharedSecret(
  db: Postgres,
  name: "hashes" | "bucket" = "hashes",
): Promise<Uint8Array> {
  await db.run(
    "INSERT INTO secrets (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING",
    name,
    crypto.getRandomValues(new Uint8Array(32)),
  );
  const row = await db.get<{ value: Uint8Array }>(
    "SELECT value FROM secrets WHERE name = ?",
    name,
  );
  return new Uint8Array(row!.value);
}
