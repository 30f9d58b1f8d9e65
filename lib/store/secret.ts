/** A random key of the data directory; what is hashed with it means nothing elsewhere. */
import { Conflict } from "@/lib/errors.ts";
import { readSealed, writeSealed } from "./sealed_text.ts";

const LENGTH = 32;

export interface SecretOptions {
  /** Whether one may be made: not beside a database, whose names were hashed by another. */
  mayMake: boolean;
}

/**
 * 32 bytes, made at the first start. Its file holds their digits and a sum, so that damage is told; the files of
 * before hold the bytes themselves.
 * @throws {Conflict} for one that is damaged or missing, with the way back
 */
export function readSecret(directory: string, { mayMake }: SecretOptions): Uint8Array {
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
  if (secret) return secret;
  throw unusable(path, "it is damaged");
}

/** What is wrong with the file at `path`, in words; undefined where nothing is. Makes nothing. */
export function secretFault(path: string): string | undefined {
  let held: Uint8Array;
  try {
    held = Deno.readFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "is missing";
    throw error;
  }
  return secretOf(path, held) ? undefined : "is damaged";
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
