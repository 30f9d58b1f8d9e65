/** A random key of the data directory; what is hashed with it means nothing elsewhere. */
import { createHash } from "node:crypto";
import { Conflict } from "@/lib/errors.ts";
import type { Database } from "./database.ts";
import { readSealed, writeSealed } from "./sealed_text.ts";

const LENGTH = 32;

export interface SecretOptions {
  /** Whether one may be made: not beside a database, whose names were hashed by another. */
  mayMake: boolean;
}

/** What a database keeps of the secret that its names were hashed by, as SQLite's `application_id`: not 0. */
export const markOf = (secret: Uint8Array): number =>
  (createHash("sha256").update("secret of ").update(secret).digest().readUInt32BE() >>> 1) || 1;

/**
 * The secret of a data directory, and of no other: its database knows it from then on.
 * @throws {Conflict} for one that is damaged, missing or another's, with the way back
 */
export async function readBoundSecret(
  directory: string,
  db: Database,
  { mayMake }: SecretOptions,
): Promise<Uint8Array> {
  const { application_id: mark } = (await db.get<{ application_id: number }>(
    "PRAGMA application_id",
  ))!;
  const secret = readSecret(directory, { mayMake, mark });
  const own = markOf(secret);
  if (own !== mark) await db.run(`PRAGMA application_id = ${own}`);
  return secret;
}

/**
 * 32 bytes, made at the first start. Its file holds their digits and a sum, so that damage is told; the files of
 * before, and one that somebody puts there to begin anew, hold the bytes themselves.
 * @param options.mark of the database, 0 where it knows none
 */
function readSecret(
  directory: string,
  { mayMake, mark }: SecretOptions & { mark: number },
): Uint8Array {
  const path = `${directory}/secret.key`;
  let held: Uint8Array;
  try {
    held = Deno.readFileSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    if (!mayMake) throw unusable(path, "it is missing");
    return keep(path, crypto.getRandomValues(new Uint8Array(LENGTH)));
  }
  if (isPlain(held)) return keep(path, held);
  const secret = secretOf(path, held);
  if (!secret) throw unusable(path, "it is damaged");
  if (isOther(secret, mark)) throw unusable(path, "it is another data directory's");
  return secret;
}

const isOther = (secret: Uint8Array, mark: number) => mark !== 0 && markOf(secret) !== mark;

/**
 * What is wrong with the file at `path`, in words; undefined where nothing is. Makes nothing.
 * @param mark of the database beside it, 0 where it knows none
 */
export function secretFault(path: string, mark: number): string | undefined {
  let held: Uint8Array;
  try {
    held = Deno.readFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "is missing";
    throw error;
  }
  const secret = secretOf(path, held);
  if (!secret) return "is damaged";
  return !isPlain(held) && isOther(secret, mark) ? "is another data directory's" : undefined;
}

/** The 32 bytes in a file, in either form; undefined where they are damaged. */
function secretOf(path: string, held: Uint8Array): Uint8Array | undefined {
  if (isPlain(held)) return held;
  try {
    const secret = Uint8Array.fromHex(readSealed(path, path));
    if (secret.length === LENGTH && held.length > 2 * LENGTH + 1) return secret;
  } catch {
    // Told by the callers.
  }
  return undefined;
}

/** As the files of before: the bytes themselves. */
const isPlain = (held: Uint8Array) =>
  held.length === LENGTH && !/^[0-9a-f]*$/.test(new TextDecoder().decode(held));

function unusable(path: string, why: string): Conflict {
  return new Conflict(
    `Cannot use ${path}: ${why}. Put it back from a backup. Without one, put any ${LENGTH} bytes there ` +
      `(head -c ${LENGTH} /dev/urandom > secret.key): readers of gaze that comes from then on ` +
      `are not recognised as those of before`,
  );
}

function keep(path: string, secret: Uint8Array): Uint8Array {
  writeSealed(path, secret.toHex(), { mode: 0o600 });
  return secret;
}
