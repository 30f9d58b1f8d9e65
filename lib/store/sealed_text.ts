/** A small text file that says itself whether it is whole: the text, a line break, the SHA-256 of the text. */
import { createHash } from "node:crypto";
import { Damaged } from "@/lib/errors.ts";
import { syncDirectory } from "./disk_files.ts";

const sumOf = (text: string) => createHash("sha256").update(text).digest("hex");

/** Whole or not at all, and on disk when it returns; `text` is one line. */
export function writeSealed(path: string, text: string, { mode }: { mode?: number } = {}): void {
  const temporary = `${path}.new`;
  Deno.writeTextFileSync(temporary, `${text}\n${sumOf(text)}\n`, { mode });
  const file = Deno.openSync(temporary, { read: true, write: true });
  file.syncSync();
  file.close();
  Deno.renameSync(temporary, path);
  syncDirectory(path.slice(0, path.lastIndexOf("/")));
}

/**
 * The text; that of a file of before, without a sum, is taken as it is.
 * @param what for people: `upload "upl_1"`
 * @throws {Damaged}
 */
export function readSealed(path: string, what: string): string {
  const [text, sum, ...rest] = Deno.readTextFileSync(path).split("\n");
  const whole = sum === undefined || (sum === sumOf(text) && rest.length === 1 && rest[0] === "");
  if (!whole) throw new Damaged(`Cannot use ${what}: what is kept of it is damaged`);
  return text;
}
