/**
 * What no row of the database refers to when a server starts: left by an upload that was cut off, or all that
 * there is when the database is an older or an empty one. The two look alike, so nothing is removed then: it is
 * set aside, comes back by itself when the database refers to it again, and goes for good only after a week.
 */
import { existsSync } from "node:fs";
import { Conflict } from "@/lib/errors.ts";
import type { Files } from "./files.ts";

const KEPT_DAYS = 7;
/** Folders of what is set aside; databases are those that a start has kept (`kept_database.ts`). */
const KINDS = ["files", "checkpoints", "databases"];
const HOUR_MS = 3600 * 1000;
const DAY_MS = 24 * HOUR_MS;

export interface SetAside {
  files: number;
  /** Of checkpoints, one a job. */
  checkpoints: number;
  /** Files and checkpoints that came back, since the database refers to them. */
  returned: number;
}

/**
 * Refuses a data directory that holds files and no database: before one is made, since an empty one would look
 * like a directory in which all had been deleted.
 * @throws {Conflict} that names the way back
 */
export function assertDatabaseIsThere(directory: string, database: string): void {
  if (existsSync(database) && Deno.statSync(database).size > 0) return;
  const held = ["files", "checkpoints"].filter((name) => holdsAny(`${directory}/${name}`));
  if (held.length === 0) return;
  throw new Conflict(
    `Cannot start: ${directory} holds ${held.join(" and ")}, but its database mcgip.db is ` +
      `${
        existsSync(database) ? "empty" : "missing"
      }. Restore a backup into a new directory (deno task restore BACKUP --data NEW), or put ` +
      `mcgip.db back, with mcgip.db-wal where there is one; to begin anew, move ${
        held.join(" and ")
      } out of the directory first`,
  );
}

/**
 * Refuses a data directory with a database of its own for a server of a cluster: nothing of it would be seen.
 * @throws {Conflict} that names the way
 */
export function assertNoDatabase(directory: string): void {
  if (!existsSync(`${directory}/mcgip.db`)) return;
  throw new Conflict(
    `Cannot start: ${directory} has a database of its own, and MCGIP_DATABASE names another. Bring it there by ` +
      '"deno task move", or name an empty folder by --data',
  );
}

function holdsAny(folder: string): boolean {
  if (!existsSync(folder)) return false;
  for (const entry of Deno.readDirSync(folder)) {
    if (
      !entry.isDirectory ||
      !Deno.readDirSync(`${folder}/${entry.name}`)[Symbol.iterator]().next().done
    ) {
      return true;
    }
  }
  return false;
}

/** Whether a file was written so short a time ago that who wrote it may still publish it: within an hour. */
export function isYoung(path: string): boolean {
  const { mtime } = Deno.statSync(path);
  return mtime !== null && Date.now() - mtime.getTime() < HOUR_MS;
}

/** Sets aside what is not referred to, and takes back what is; for the start only. */
export function setAside(
  directory: string,
  files: Files,
  { referred, jobs, isInUse }: {
    referred: Set<string>;
    jobs: Set<string>;
    /** Of the path of a file that nothing refers to yet. */
    isInUse(path: string): boolean;
  },
): SetAside {
  const aside = `${directory}/aside`;
  const done: SetAside = { files: 0, checkpoints: 0, returned: 0 };
  for (const kind of KINDS) {
    Deno.mkdirSync(`${aside}/${kind}`, { recursive: true });
  }
  for (const entry of Deno.readDirSync(`${aside}/files`)) {
    if (!referred.has(entry.name)) continue;
    const target = files.path(entry.name);
    if (existsSync(target)) continue;
    Deno.mkdirSync(target.slice(0, target.lastIndexOf("/")), { recursive: true });
    Deno.renameSync(`${aside}/files/${entry.name}`, target);
    done.returned++;
  }
  const checkpoints = `${directory}/checkpoints`;
  Deno.mkdirSync(checkpoints, { recursive: true });
  for (const entry of Deno.readDirSync(`${aside}/checkpoints`)) {
    if (!jobs.has(entry.name) || existsSync(`${checkpoints}/${entry.name}`)) continue;
    Deno.renameSync(`${aside}/checkpoints/${entry.name}`, `${checkpoints}/${entry.name}`);
    done.returned++;
  }
  removeOld(aside);
  for (const sha256 of [...files.stored()]) {
    if (referred.has(sha256) || isInUse(files.path(sha256))) continue;
    move(`${files.directory}/${sha256.slice(0, 2)}/${sha256}`, `${aside}/files/${sha256}`);
    done.files++;
  }
  for (const entry of [...Deno.readDirSync(checkpoints)]) {
    if (jobs.has(entry.name)) continue;
    move(`${checkpoints}/${entry.name}`, `${aside}/checkpoints/${entry.name}`);
    done.checkpoints++;
  }
  return done;
}

function move(from: string, to: string): void {
  if (existsSync(to)) Deno.removeSync(to, { recursive: true });
  Deno.renameSync(from, to);
  // Its time is that of being set aside.
  const now = new Date();
  Deno.utimeSync(to, now, now);
}

function removeOld(aside: string): void {
  for (const kind of KINDS) {
    for (const { name } of [...Deno.readDirSync(`${aside}/${kind}`)]) {
      const path = `${aside}/${kind}/${name}`;
      const { mtime } = Deno.statSync(path);
      if (mtime && Date.now() - mtime.getTime() > KEPT_DAYS * DAY_MS) {
        Deno.removeSync(path, { recursive: true });
      }
    }
  }
}
