/**
 * A backup of a data directory, also while a server works in it: the database as it is at one moment, the files
 * that its rows name, the secret, and checkpoints of jobs that have not ended. Uploads that are not imported yet,
 * caches and what was set aside are not in it.
 */
import { existsSync } from "node:fs";
import type { Content } from "@/lib/store/disk_files.ts";
import { Inspection, type Reference } from "@/lib/store/inspection.ts";
import { knownVersion } from "@/lib/store/migrations.ts";
import { newerSchema } from "@/lib/store/newer_schema.ts";
import {
  assertHoldsDatabase,
  copyFile,
  DATABASE,
  filesBelow,
  hashFile,
  isTaken,
  liesIn,
  makeWhole,
  placeOf,
  SECRET,
} from "./data_files.ts";
import { type Manifest, writeManifest } from "./manifest.ts";

/** A server that deletes on and on is followed so many times. */
const MOST_ROUNDS = 50;

export interface BackupOptions {
  codeVersion: string;
  /** Hard links instead of copies: at once and without room, on the same file system. */
  link?: boolean;
  /** Called between files. */
  onProgress?: (done: number, total: number) => void | Promise<void>;
}

export interface Backup {
  manifest: Manifest;
  /** What the files that are missing or damaged are of. */
  damaged: Reference[];
}

/**
 * Makes a backup in a new folder.
 * @throws {Error} where there is nothing to back up, or `target` is there already
 * @throws {Damaged} where the database is damaged
 */
export async function backUp(
  data: string,
  target: string,
  { codeVersion, link = false, onProgress }: BackupOptions,
): Promise<Backup> {
  assertHoldsDatabase(`back up ${data}`, data);
  if (!existsSync(`${data}/${SECRET}`)) {
    throw new Error(
      `Cannot back up ${data}: it holds no ${SECRET}, without which its names make no sense; put it back from an earlier backup`,
    );
  }
  if (isTaken(target)) {
    throw new Error(`Cannot back up to ${target}: it exists; name a new folder for each backup`);
  }
  if (liesIn(target, data)) {
    throw new Error(
      `Cannot back up to ${target}: it lies in the data directory; name a folder outside`,
    );
  }
  // A copy of a damaged one would be blamed in its place.
  using source = new Inspection(`${data}/${DATABASE}`);
  const version = source.version();
  // Of tables that came later this program knows no files.
  if (version > knownVersion) throw newerSchema(`back up ${data}`, data, version);
  source.assertSound();
  return await makeWhole(target, async (partial) => {
    // First of all: a checkpoint that is older than its job's row is gone on from, a newer one has lost its figures.
    const checkpoints = await copyCheckpoints(data, partial);
    const keep = link ? linkFile : copyFile;
    const { references, copied, damaged } = await copyContent(data, partial, keep, onProgress);
    const secret = await copyFile(`${data}/${SECRET}`, `${partial}/${SECRET}`);
    const database = `${partial}/${DATABASE}`;
    const inspection = new Inspection(database);
    const [schema, open] = [inspection.version(), new Set(inspection.openJobs())];
    inspection.close();
    let kept = 0;
    for (const job of checkpoints) {
      if (open.has(job)) kept++;
      else Deno.removeSync(`${partial}/checkpoints/${job}`, { recursive: true });
    }
    const manifest: Manifest = {
      format: 1,
      made_at: new Date().toISOString(),
      code_version: codeVersion,
      schema,
      database: await hashFile(database),
      secret,
      files: copied.size,
      bytes: copied.values().reduce((sum, bytes) => sum + bytes, 0),
      checkpoints: kept,
      damaged: [...damaged],
    };
    writeManifest(partial, manifest);
    return { manifest, damaged: references.filter(({ sha256 }) => damaged.has(sha256)) };
  });
}

/**
 * Database and files: what a server has deleted between the two is not in a newer copy of the database, which
 * is taken until every file of it was had.
 */
async function copyContent(
  data: string,
  partial: string,
  keep: (from: string, to: string) => Promise<Content>,
  onProgress: BackupOptions["onProgress"],
) {
  const database = `${partial}/${DATABASE}`;
  const copied = new Map<string, number>();
  for (let round = 1;; round++) {
    const references = await snapshot(`${data}/${DATABASE}`, database);
    const named = new Set(references.map(({ sha256 }) => sha256));
    const gone = new Set<string>();
    const damaged = new Set<string>();
    let done = 0;
    for (const sha256 of named) {
      await onProgress?.(done++, named.size);
      if (copied.has(sha256)) continue;
      const to = `${partial}/${placeOf(sha256)}`;
      try {
        const file = await keep(`${data}/${placeOf(sha256)}`, to);
        if (file.sha256 === sha256) copied.set(sha256, file.bytes);
        else {
          damaged.add(sha256);
          Deno.removeSync(to);
        }
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
        gone.add(sha256);
      }
    }
    const lost = gone.size > 0 ? stillNamed(`${data}/${DATABASE}`, gone) : gone;
    if (lost.size < gone.size) {
      if (round < MOST_ROUNDS) continue;
      throw new Error(
        `Cannot back up ${data}: files are deleted faster than they are copied; try --link, or another time`,
      );
    }
    for (const sha256 of copied.keys()) {
      if (named.has(sha256)) continue;
      Deno.removeSync(`${partial}/${placeOf(sha256)}`);
      copied.delete(sha256);
    }
    return { references, copied, damaged: damaged.union(lost) };
  }
}

/** Files that the server's rows name and that are not there: lost, not deleted. */
function stillNamed(database: string, gone: Set<string>): Set<string> {
  const inspection = new Inspection(database);
  try {
    const named = new Set(inspection.references().map(({ sha256 }) => sha256));
    return gone.intersection(named);
  } finally {
    inspection.close();
  }
}

async function snapshot(from: string, to: string): Promise<Reference[]> {
  if (existsSync(to)) Deno.removeSync(to);
  const source = new Inspection(from);
  try {
    await source.copyTo(to);
  } finally {
    source.close();
  }
  const file = Deno.openSync(to, { read: true, write: true });
  file.syncSync();
  file.close();
  Deno.chmodSync(to, 0o600);
  const copy = new Inspection(to);
  try {
    return copy.references();
  } finally {
    copy.close();
  }
}

/** @returns ids of the jobs */
async function copyCheckpoints(data: string, partial: string): Promise<Set<string>> {
  const jobs = new Set<string>();
  for (const path of await filesBelow(`${data}/checkpoints`)) {
    if (!path.endsWith(".safetensors")) continue;
    try {
      await copyFile(`${data}/checkpoints/${path}`, `${partial}/checkpoints/${path}`);
      jobs.add(path.split("/")[0]);
    } catch (error) {
      // A training has removed it meanwhile, with a newer one in its place.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return jobs;
}

/** Its bytes are not read: `verify` does that. */
async function linkFile(from: string, to: string): Promise<Content> {
  const { size: bytes } = await Deno.stat(from);
  await Deno.mkdir(to.slice(0, to.lastIndexOf("/")), { recursive: true, mode: 0o700 });
  try {
    await Deno.link(from, to);
  } catch (error) {
    if ((error as { code?: string }).code !== "EXDEV") throw error;
    throw new Error(
      "Cannot back up with --link: the backup lies on another file system; leave --link out",
    );
  }
  return { sha256: to.slice(to.lastIndexOf("/") + 1), bytes };
}
