/** A random key of the data directory; what is hashed with it means nothing elsewhere. */
import { syncDirectory } from "./files.ts";

/** 32 bytes, made at the first call. */
export function readSecret(directory: string): Uint8Array {
  const path = `${directory}/secret.key`;
  try {
    const secret = Deno.readFileSync(path);
    if (secret.length === 32) return secret;
    throw new Error(`Cannot use ${path}: 32 bytes expected, got ${secret.length}`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const secret = crypto.getRandomValues(new Uint8Array(32));
  const temporary = `${path}.new`;
  const file = Deno.openSync(temporary, { write: true, create: true, truncate: true, mode: 0o600 });
  file.writeSync(secret);
  file.syncSync();
  file.close();
  Deno.renameSync(temporary, path);
  syncDirectory(directory);
  return secret;
}
