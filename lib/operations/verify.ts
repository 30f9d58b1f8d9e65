/**
 * Is all there that was stored? Files and checkpoints against their SHA-256, rows against files and by themselves,
 * files against rows, the database against what its server left.
 */
import { Inspection, type Reference } from "@/lib/store/inspection.ts";
import { atRest, CHANGED } from "@/lib/store/database_seal.ts";
import { isHeld } from "@/lib/store/lock.ts";
import { knownVersion } from "@/lib/store/migrations.ts";
import { newerSchema } from "@/lib/store/newer_schema.ts";
import { adviceFor } from "@/lib/store/stored_files.ts";
import { secretFault } from "@/lib/store/secret.ts";
import {
  assertHoldsDatabase,
  DATABASE,
  filesBelow,
  hashFile,
  placeOf,
  SECRET,
} from "./data_files.ts";
import { faultsOfContent, faultsOfFiles, faultsOfRows } from "./verify_rows.ts";

export interface Verified {
  /** Stored files that were looked at, and their bytes where they were read. */
  files: number;
  bytes: number;
  references: number;
  /** Checkpoints that were looked at. */
  checkpoints: number;
  /** What is wrong, one line each, in words for people. */
  faults: string[];
  /** Files that no row names: harmless; a server that runs has some while it imports. */
  unnamed: number;
  /** Whether a server works in the directory. */
  running: boolean;
}

export interface VerifyOptions {
  /** Files are not read: whether they are there is looked at, not what they hold. */
  quick?: boolean;
  onProgress?: (done: number, total: number) => void;
}

/**
 * Looks at a data directory or a backup, also while a server works in it.
 * @throws {Error} where there is no database
 */
export async function verify(
  data: string,
  { quick = false, onProgress }: VerifyOptions = {},
): Promise<Verified> {
  assertHoldsDatabase(`verify ${data}`, data);
  const running = isHeld(data);
  const database = `${data}/${DATABASE}`;
  const changed = !running && atRest(database) === "changed";
  const faults = look(data, (inspection) => inspection.faults(quick)).map((line) =>
    `database: ${line}; restore a backup (deno task restore BACKUP --data NEW), or deno task salvage --data ${data}`
  );
  const readable = faults.length === 0;
  const schema = readable ? look(data, (inspection) => inspection.version()) : 0;
  // Of tables that came later this program knows no files.
  if (schema > knownVersion) throw newerSchema(`verify ${data}`, data, schema);
  if (changed) faults.push(`database: ${CHANGED} (of another on purpose: rm ${database}.sha256)`);
  const stored = new Set(
    (await filesBelow(`${data}/files`)).map((path) => path.slice(path.lastIndexOf("/") + 1)),
  );
  // Taken after the list of files: one that is stored now, and named only later, is in neither.
  const references = readable ? referencesOf(data) : referencesOrNone(data);
  const named = Map.groupBy(references, ({ sha256 }) => sha256);
  let bytes = 0;
  let done = 0;
  const wrong = new Map<string, string>();
  for (const sha256 of new Set([...named.keys(), ...stored])) {
    onProgress?.(done++, named.size);
    const found = await inspect(`${data}/${placeOf(sha256)}`, sha256, quick);
    bytes += found.bytes;
    if (found.fault !== undefined) wrong.set(sha256, found.fault);
  }
  if (wrong.size > 0) {
    // What has been deleted since is no fault.
    const still = running ? Map.groupBy(referencesOf(data), ({ sha256 }) => sha256) : named;
    for (const [sha256, fault] of wrong) {
      const [of, ...more] = still.get(sha256) ?? [];
      if (!of && fault === MISSING) continue;
      const what = !of
        ? "a file that no row names; nothing is lost"
        : `${of.what}${more.length > 0 ? ` and ${more.length} more` : ""}; ${adviceFor(of.what)}`;
      faults.push(`${placeOf(sha256)} ${fault}: ${what}`);
    }
  }
  const checkpoints = await inspectCheckpoints(data, quick);
  faults.push(...checkpoints.faults);
  if (readable) {
    using inspection = new Inspection(database);
    faults.push(...faultsOfRows(inspection));
    if (!quick) {
      faults.push(...await faultsOfContent(inspection));
      faults.push(...await faultsOfFiles(inspection, data, (sha256) => !wrong.has(sha256)));
    }
  }
  const secret = secretFault(`${data}/${SECRET}`, markOfSecret(data));
  if (secret) {
    faults.push(`${SECRET} ${secret}: readers of gaze get other names; restore it from a backup`);
  }
  const unnamed = stored.difference(new Set(named.keys())).size;
  return {
    ...{ files: stored.size, bytes, references: references.length, faults, unnamed, running },
    checkpoints: checkpoints.count,
  };
}

const MISSING = "is missing";

async function inspect(
  path: string,
  expected: string,
  quick: boolean,
): Promise<{ bytes: number; fault?: string }> {
  try {
    if (quick) return { bytes: (await Deno.stat(path)).size };
    const { sha256, bytes } = await hashFile(path);
    return sha256 === expected ? { bytes } : { bytes, fault: "holds other bytes than were stored" };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { bytes: 0, fault: MISSING };
    return { bytes: 0, fault: `cannot be read (${(error as Error).name})` };
  }
}

const CHECKPOINT = /^([^/]+)\/(?:.*\/)?\w+-(\d+)-([0-9a-f]{64})\.safetensors$/;

/** Their names carry the SHA-256 of what they hold. */
async function inspectCheckpoints(
  data: string,
  quick: boolean,
): Promise<{ count: number; faults: string[] }> {
  const faults: string[] = [];
  let count = 0;
  for (const path of await filesBelow(`${data}/checkpoints`)) {
    const [, job, step, sha256] = CHECKPOINT.exec(path) ?? [];
    if (sha256 === undefined) continue;
    count++;
    const { fault } = await inspect(`${data}/checkpoints/${path}`, sha256, quick);
    // A training has put a newer one in its place.
    if (fault === undefined || fault === MISSING) continue;
    faults.push(
      `checkpoints/${path} ${fault}: a checkpoint of job "${job}"; the training goes on from one before step ` +
        `${
          Number(step)
        }, or from its beginning; to keep what it had, put the file back from a backup before it goes on`,
    );
  }
  return { count, faults };
}

/** 0 where the database is too damaged to tell, too. */
function markOfSecret(data: string): number {
  try {
    return look(data, (inspection) => inspection.markOfSecret());
  } catch {
    return 0;
  }
}

function look<T>(data: string, ask: (inspection: Inspection) => T): T {
  const inspection = new Inspection(`${data}/${DATABASE}`);
  try {
    return ask(inspection);
  } finally {
    inspection.close();
  }
}

const referencesOf = (data: string): Reference[] => look(data, (one) => one.references());

/** Of a damaged database what can be read: its faults are told already. */
function referencesOrNone(data: string): Reference[] {
  try {
    return referencesOf(data);
  } catch {
    return [];
  }
}
