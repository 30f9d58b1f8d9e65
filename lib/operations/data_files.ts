/** Files of a data directory or a backup of it: both have the same layout. */
import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { isDiskFull } from "@/lib/errors.ts";
import { type Content, contentOf, syncDirectory, writeAll } from "@/lib/store/disk_files.ts";

export const DATABASE = "mcgip.db";
export const SECRET = "secret.key";

/**
 * @param doing with the directory: `back up /data`
 * @param otherwise what else helps
 * @throws {Error} where it is no data directory, with what it is
 */
export function assertHoldsDatabase(doing: string, data: string, otherwise = ""): void {
  const found = !isTaken(data)
    ? "it is not there"
    : !existsSync(data)
    ? "it is a link that leads nowhere"
    : !Deno.statSync(data).isDirectory
    ? "it is a file"
    : !existsSync(`${data}/${DATABASE}`)
    ? `it holds no ${DATABASE}`
    : undefined;
  if (found === undefined) return;
  throw new Error(`Cannot ${doing}: ${found}; name a data directory by --data${otherwise}`);
}

/** Where a stored file lies below a data directory. */
export const placeOf = (sha256: string) => `files/${sha256.slice(0, 2)}/${sha256}`;

/**
 * Copies a file to a new place, synced, and tells what its bytes were.
 * @throws {Deno.errors.NotFound} when there is none
 */
export async function copyFile(from: string, to: string): Promise<Content> {
  using source = await Deno.open(from, { read: true });
  await Deno.mkdir(dirname(to), { recursive: true, mode: 0o700 });
  using target = await Deno.open(to, { write: true, createNew: true, mode: 0o600 });
  const copied = await contentOf(source, (piece) => writeAll(target, piece));
  await target.sync();
  return copied;
}

/** @throws {Deno.errors.NotFound} when there is none */
export async function hashFile(path: string): Promise<Content> {
  using file = await Deno.open(path, { read: true });
  return await contentOf(file);
}

/** All files below a folder, as paths below it; none where it is not there. */
export async function filesBelow(folder: string): Promise<string[]> {
  const found: string[] = [];
  try {
    for await (const entry of Deno.readDir(folder)) {
      if (entry.isFile) found.push(entry.name);
      if (!entry.isDirectory) continue;
      for (const path of await filesBelow(`${folder}/${entry.name}`)) {
        found.push(`${entry.name}/${path}`);
      }
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return found.sort();
}

/** A folder and all below it are on disk. */
export function syncFolders(folder: string): void {
  for (const entry of Deno.readDirSync(folder)) {
    if (entry.isDirectory) syncFolders(`${folder}/${entry.name}`);
  }
  syncDirectory(folder);
}

/** Whether a path leads to something, a link that leads nowhere among it. */
export function isTaken(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (isNowhere(error)) return false;
    throw error;
  }
}

/** Whether `path` is `folder`, or lies in it, by whatever links it is named; it need not be there. */
export const liesIn = (path: string, folder: string): boolean =>
  `${placeWithoutLinks(path)}/`.startsWith(`${placeWithoutLinks(folder)}/`);

function placeWithoutLinks(path: string): string {
  const whole = resolve(path);
  try {
    return Deno.realPathSync(whole);
  } catch (error) {
    const parent = dirname(whole);
    if (!isNowhere(error) || parent === whole) throw error;
    return join(placeWithoutLinks(parent), basename(whole));
  }
}

const isNowhere = (error: unknown) =>
  error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory;

const PARTIAL = ".partial-";

/** What `makeWhole` has left beside a folder where it was killed; one that is under way looks the same. */
export function leftBeside(folder: string): string[] {
  const parent = dirname(folder);
  try {
    return [...Deno.readDirSync(parent)].map(({ name }) => name)
      .filter((name) => name.startsWith(`${basename(folder)}${PARTIAL}`)).sort()
      .map((name) => join(parent, name));
  } catch (error) {
    if (isNowhere(error)) return [];
    throw error;
  }
}

/** A new folder beside `folder`; in a container a process that was killed had the same id. */
function makePartial(folder: string): string {
  for (let i = 1;; i++) {
    const partial = `${folder}${PARTIAL}${Deno.pid}${i === 1 ? "" : `-${i}`}`;
    try {
      Deno.mkdirSync(partial, { mode: 0o700 });
      return partial;
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
  }
}

/**
 * Makes a folder whole or not at all: `fill` works on one beside it, which gets the name in the end.
 * @throws {Error} where `folder` is there already and holds anything, or where it would lie is no folder
 */
export async function makeWhole<T>(
  folder: string,
  fill: (partial: string) => Promise<T>,
): Promise<T> {
  const parent = dirname(folder);
  let partial: string;
  try {
    Deno.mkdirSync(parent, { recursive: true });
    partial = makePartial(folder);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists || isNowhere(error)) {
      throw new Error(
        `Cannot make ${folder}: ${parent} is no folder, or a link that leads nowhere; name another place`,
      );
    }
    throw notMade(folder, parent, error);
  }
  try {
    const result = await fill(partial);
    syncFolders(partial);
    // An empty folder of that name gives way; anything else does not.
    if (isTaken(folder) && Deno.lstatSync(folder).isDirectory) Deno.removeSync(folder);
    Deno.renameSync(partial, folder);
    syncDirectory(parent);
    return result;
  } catch (error) {
    Deno.removeSync(partial, { recursive: true });
    throw notMade(folder, parent, error);
  }
}

/** The system's words on why a folder cannot be made, in ours; other errors as they are. */
function notMade(folder: string, parent: string, error: unknown): unknown {
  const cannot = `Cannot make ${folder}:`;
  if (isDiskFull(error)) {
    return new Error(`${cannot} its disk is full; make room there, or name a place on another one`);
  }
  if (!(error instanceof Error)) return error;
  if (/read-only file system/i.test(error.message)) {
    return new Error(
      `${cannot} it would lie on a file system that is read-only; name another place`,
    );
  }
  if (!(error instanceof Deno.errors.PermissionDenied)) return error;
  const path = /'([^']+)'/.exec(error.message)?.[1] ?? parent;
  return new Error(
    path.startsWith(join(parent, basename(folder)))
      ? `${cannot} this user may not write to ${parent}; name another place`
      : `${cannot} this user may not read ${path}; run it as the user of the server`,
  );
}
