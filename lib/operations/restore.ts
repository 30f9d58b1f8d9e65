/** A backup becomes a data directory again: whole, in a new place, with every byte looked at. */
import { existsSync } from "node:fs";
import { Inspection, type Reference } from "@/lib/store/inspection.ts";
import {
  copyFile,
  DATABASE,
  filesBelow,
  isTaken,
  liesIn,
  makeWhole,
  placeOf,
  SECRET,
} from "./data_files.ts";
import { type Manifest, readManifest } from "./manifest.ts";

export interface RestoreOptions {
  /** Called between files. */
  onProgress?: (done: number, total: number) => void;
}

export interface Restored extends Manifest {
  /** What the files are of that were missing or damaged when the backup was made. */
  lost: Reference[];
}

/**
 * Makes the data directory `target` of a backup; nothing is made where anything of it differs.
 * @throws {Error} that names what is in the way, or what is wrong with the backup
 */
export async function restore(
  backup: string,
  target: string,
  { onProgress }: RestoreOptions = {},
): Promise<Restored> {
  const manifest = readManifest(backup);
  if (liesIn(target, backup)) {
    throw new Error(
      `Cannot restore into ${target}: it lies in the backup; name a folder outside by --data`,
    );
  }
  // An empty folder to which a link leads is filled where it is.
  return await makeWhole(freePlace(target), async (partial) => {
    await same(backup, partial, DATABASE, manifest.database.sha256);
    await same(backup, partial, SECRET, manifest.secret.sha256);
    const inspection = new Inspection(`${partial}/${DATABASE}`);
    let references: Reference[];
    try {
      const [fault] = inspection.faults(false);
      if (fault !== undefined) throw new Error(`Cannot restore ${backup}: its database: ${fault}`);
      references = inspection.references();
    } finally {
      inspection.close();
    }
    const damaged = new Set(manifest.damaged);
    const named = new Set(references.map(({ sha256 }) => sha256)).difference(damaged);
    let done = 0;
    for (const sha256 of named) {
      onProgress?.(done++, named.size);
      await same(backup, partial, placeOf(sha256), sha256);
    }
    // They carry their SHA-256 in their names, and are looked at when a job goes on.
    for (const path of await filesBelow(`${backup}/checkpoints`)) {
      await copyFile(`${backup}/checkpoints/${path}`, `${partial}/checkpoints/${path}`);
    }
    return { ...manifest, lost: references.filter(({ sha256 }) => damaged.has(sha256)) };
  });
}

/** @throws {Error} where there is anything but an empty folder */
function freePlace(target: string): string {
  if (!isTaken(target)) return target;
  const found = !existsSync(target)
    ? "it is a link that leads nowhere"
    : !Deno.statSync(target).isDirectory
    ? "it is a file"
    : isEmpty(target)
    ? undefined
    : "it is not empty";
  if (found === undefined) return Deno.realPathSync(target);
  throw new Error(
    `Cannot restore into ${target}: ${found}; name a new folder by --data, and move it afterwards`,
  );
}

const isEmpty = (folder: string) => Deno.readDirSync(folder)[Symbol.iterator]().next().done;

/** @throws {Error} when the file is missing, or its bytes are others */
async function same(backup: string, partial: string, place: string, sha256: string): Promise<void> {
  try {
    const copied = await copyFile(`${backup}/${place}`, `${partial}/${place}`);
    if (copied.sha256 === sha256) return;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(`Cannot restore ${backup}: its file ${place} is missing; take another backup`);
  }
  throw new Error(
    `Cannot restore ${backup}: its file ${place} no longer holds what was written; take another backup`,
  );
}
