/**
 * `deno task move`: what is in the data directory goes to the database and the bucket that the environment names;
 * `deno task move --back` the other way.
 */
import { parseArgs } from "node:util";
import { existsSync } from "node:fs";
import { type ClusterSettings, readCluster } from "@/lib/cluster_settings.ts";
import { dataDirectory } from "@/lib/config.ts";
import { counted } from "@/lib/counted.ts";
import { Conflict, Damaged } from "@/lib/errors.ts";
import type { CheckpointRow } from "@/lib/store/checkpoint_rows.ts";
import { openStore, type Store } from "@/lib/store/mod.ts";
import { checkpointFiles, writeCheckpointFile } from "@/lib/jobs/checkpoint_files.ts";
import { assertReadable } from "./migrate.ts";
import { assertEmpty, copyRows } from "./move.ts";
import { Postgres } from "./postgres.ts";

const LANES = 8;

async function move(args: string[]): Promise<void> {
  const { back, data } = parseArgs({
    args,
    options: { back: { type: "boolean", default: false }, data: { type: "string" } },
  }).values;
  const cluster = readCluster((name) => Deno.env.get(name));
  if (!cluster) {
    throw new Error("Cannot move: MCGIP_DATABASE and MCGIP_FILES name no place");
  }
  const directory = dataDirectory(data ?? Deno.env.get("MCGIP_DATA"));
  const temporary = Deno.makeTempDirSync({ prefix: "mcgip_move_" });
  try {
    await assertThere(back, directory, cluster);
  } catch (error) {
    Deno.removeSync(temporary);
    throw error;
  }
  const local = await openStore(directory);
  const shared = await openStore(temporary, { cluster });
  try {
    await shared.cluster!.owner.check();
    const where = back ? directory : `schema "${cluster.database.schema}" of the database`;
    const [from, to] = back ? [shared, local] : [local, shared];
    for (const place of [from, to]) await assertIdle(place);
    await assertEmpty(to.db, where);
    const files = await (back ? fetchFiles(shared, local) : publishFiles(local, shared));
    console.log(counted(files, "file"));
    const checkpoints =
      await (back ? fetchCheckpoints(shared, local) : publishCheckpoints(local, shared));
    if (!back) {
      await shared.db.run("UPDATE secrets SET value = ? WHERE name = 'hashes'", local.secret);
    }
    for (const [table, rows] of Object.entries(await copyRows(from.db, to.db))) {
      if (rows > 0) console.log(`${rows} rows of ${table}`);
    }
    if (!back) await keepRows(checkpoints, shared);
    if (checkpoints.size > 0) console.log(`checkpoints of ${counted(checkpoints.size, "job")}`);
    const sent = await to.jobs.sendUnknown();
    if (sent > 0) console.log(`${sent} jobs sent to the queue`);
    if (back) await Deno.writeFile(`${directory}/secret.key`, shared.secret, { mode: 0o600 });
  } finally {
    await shared.close();
    await local.close();
    await Deno.remove(temporary, { recursive: true });
  }
}

/** @throws {Conflict} where there is nothing to move: opening it would make a new one */
async function assertThere(
  back: boolean,
  directory: string,
  { database }: ClusterSettings,
): Promise<void> {
  if (back) {
    const db = new Postgres(database, { connections: 1 });
    try {
      await assertReadable(db);
    } finally {
      await db.close();
    }
  } else if (!existsSync(`${directory}/mcgip.db`)) {
    throw new Conflict(
      `Cannot move ${directory}: there is nothing there, it holds no mcgip.db; name the data directory of a server ` +
        "by MCGIP_DATA or --data",
    );
  }
}

/** @throws {Conflict} while a worker lives that would go on writing where it was */
async function assertIdle({ workers }: Store): Promise<void> {
  const alive = await workers.list();
  if (alive.length === 0) return;
  const names = alive.map(({ name }) => name).join(", ");
  throw new Conflict(
    `Cannot move while ${
      counted(alive.length, "worker")
    } of servers or beside them may work there (${names}): ` +
      "stop servers and workers first; one that was killed is forgotten after half a minute",
  );
}

/** Files of checkpoints by job. */
type Checkpoints = Map<string, CheckpointRow[]>;

/** What has begun and may go on. */
async function begun({ db }: Store): Promise<string[]> {
  const sql = "SELECT id FROM jobs WHERE state IN ('queued', 'running', 'paused') ORDER BY id";
  return (await db.all<{ id: string }>(sql)).map(({ id }) => id);
}

async function publishCheckpoints(local: Store, shared: Store): Promise<Checkpoints> {
  const sent: Checkpoints = new Map();
  for (const job of await begun(local)) {
    const directory = local.checkpoints(job);
    const rows: CheckpointRow[] = [];
    for (const { path, sha256 } of await checkpointFiles(directory)) {
      await shared.files.shared!.send(sha256, `${directory}/${path}`);
      rows.push({ path, file: sha256 });
    }
    if (rows.length > 0) sent.set(job, rows);
  }
  return sent;
}

/** Which files of the bucket are whose checkpoints. */
async function keepRows(checkpoints: Checkpoints, shared: Store): Promise<void> {
  for (const [job, rows] of checkpoints) {
    const { device } = await shared.jobs.get(job);
    await shared.db.transaction(() =>
      shared.checkpointRows.setOfJob(job, rows, device?.description ?? null)
    );
  }
}

async function fetchCheckpoints(shared: Store, local: Store): Promise<Checkpoints> {
  const fetched: Checkpoints = new Map();
  for (const job of await begun(shared)) {
    const rows = await shared.checkpointRows.ofJob(job);
    for (const { path, file } of rows) {
      const fetchedTo = shared.files.temporaryPath();
      try {
        await shared.files.shared!.receive(file, fetchedTo, "a checkpoint");
      } catch (error) {
        // The job takes up one before it.
        if (!(error instanceof Damaged)) throw error;
        console.log(`Warning: job ${job}: ${error.message}`);
        continue;
      }
      const { readable } = await Deno.open(fetchedTo);
      await writeCheckpointFile(
        local.checkpoints(job),
        { path, sha256: file },
        readable,
        local.files.temporaryPath(),
      );
      await Deno.remove(fetchedTo);
    }
    if (rows.length > 0) fetched.set(job, rows);
  }
  return fetched;
}

/** Checkpoints are no stored files of a data directory: they go their own way. */
const NO_CHECKPOINT = "WHERE sha256 NOT IN (SELECT file FROM checkpoints)";

async function eachFile(from: Store, action: (sha256: string) => Promise<void>): Promise<number> {
  const rows = await from.db.all<{ sha256: string }>(
    `SELECT DISTINCT sha256 FROM file_references ${from.cluster ? NO_CHECKPOINT : ""}`,
  );
  const waiting = rows.map(({ sha256 }) => sha256);
  await Promise.all(Array.from({ length: LANES }, async () => {
    for (let sha256 = waiting.pop(); sha256; sha256 = waiting.pop()) await action(sha256);
  }));
  return rows.length;
}

async function publishFiles(local: Store, shared: Store): Promise<number> {
  return await eachFile(local, async (sha256) => {
    const file = await local.files.open(sha256);
    const stored = await shared.files.put(file.readable);
    await shared.files.shared!.publish([stored.sha256]);
    await shared.discard([stored.sha256]);
  });
}

async function fetchFiles(shared: Store, local: Store): Promise<number> {
  return await eachFile(shared, async (sha256) => {
    const file = await shared.files.open(sha256);
    local.files.unpin([(await local.files.put(file.readable)).sha256]);
    shared.files.remove(sha256);
  });
}

try {
  await move(Deno.args);
} catch (error) {
  console.error((error as Error).message);
  Deno.exit(1);
}
