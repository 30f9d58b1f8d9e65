/** A data directory that cannot be used: why, and what to do. */
import { existsSync, lstatSync } from "node:fs";
import { Conflict } from "@/lib/errors.ts";

/** What to say of an error of the file system or of SQLite about the directory; undefined where it is about something else. */
export function unusable(directory: string, error: unknown): Conflict | undefined {
  const why = reason(directory, error);
  return why === undefined ? undefined : new Conflict(`Cannot use ${directory}: ${why}`);
}

function reason(directory: string, error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const other = "name another data directory by --data";
  if (error instanceof Deno.errors.AlreadyExists || error instanceof Deno.errors.NotADirectory) {
    return `it is a ${leadsNowhere(directory) ? "link that leads nowhere" : "file"}; ${other}`;
  }
  const database = /unable to open database file|attempt to write a readonly database/i
    .test(error.message);
  // SQLite does not say why.
  const why = database ? writingFault(directory) ?? error : error;
  if (/read-only file system/i.test(why.message)) return `its file system is read-only; ${other}`;
  if (error instanceof Deno.errors.NotCapable) return `it may not be written; ${other}`;
  if (!database && !(error instanceof Deno.errors.PermissionDenied)) return undefined;
  const path = database ? `${directory}/mcgip.db` : /'([^']+)'$/.exec(error.message)?.[1];
  const what = path?.startsWith(`${directory}/`) ? path.slice(directory.length + 1) : "it";
  return `${what} may not be read or written; ${other}, or give it to the user of the server: ` +
    `chown -R USER ${directory}`;
}

/** What the system says to a new file in the directory; undefined where it takes one. */
function writingFault(directory: string): Error | undefined {
  try {
    Deno.removeSync(Deno.makeTempFileSync({ dir: directory, prefix: ".probe-" }));
  } catch (error) {
    return error as Error;
  }
}

function leadsNowhere(path: string): boolean {
  try {
    return lstatSync(path).isSymbolicLink() && !existsSync(path);
  } catch {
    // Above it is a file.
    return false;
  }
}
