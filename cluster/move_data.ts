/**
 * `deno task move`: what is in the data directory goes to the database and the bucket that the environment names;
 * `deno task move --back` the other way.
 */
import { parseArgs } from "node:util";
import { readCluster } from "@/lib/cluster_settings.ts";
import { dataDirectory } from "@/lib/config.ts";
import { openStore, type Store } from "@/lib/store/mod.ts";
import { assertEmpty, copyRows } from "./move.ts";
import type { Postgres } from "./postgres.ts";

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
  const local = await openStore(directory);
  const shared = await openStore(temporary, { cluster });
  try {
    const where = back ? directory : `schema "${cluster.database.schema}" of the database`;
    const [from, to] = back ? [shared, local] : [local, shared];
    await assertEmpty(to.db, where);
    await warnOfCheckpoints(from);
    const files = await (back ? fetchFiles(shared, local) : publishFiles(local, shared));
    console.log(`${files} files`);
    if (!back) {
      await (shared.db as Postgres).run("UPDATE secrets SET value = ?", local.secret);
    }
    for (const [table, rows] of Object.entries(await copyRows(from.db, to.db))) {
      if (rows > 0) console.log(`${rows} rows of ${table}`);
    }
    const sent = await to.jobs.sendUnknown();
    if (sent > 0) console.log(`${sent} jobs sent to the queue`);
    if (back) await Deno.writeFile(`${directory}/secret.key`, shared.secret, { mode: 0o600 });
  } finally {
    await shared.close();
    await local.close();
    await Deno.remove(temporary, { recursive: true });
  }
}

/** Checkpoints stay where they are: what had begun begins anew. */
async function warnOfCheckpoints({ jobs }: Store): Promise<void> {
  const begun = [
    ...(await jobs.listJobs({ state: "running", limit: 1000 })).data,
    ...(await jobs.listJobs({ state: "paused", limit: 1000 })).data,
  ].filter(({ kind }) => kind !== "study");
  if (begun.length === 0) return;
  console.log(
    `Warning: ${begun.length} jobs had begun, and begin anew at the new place: ` +
      begun.map(({ id }) => id).join(", "),
  );
}

async function eachFile(from: Store, action: (sha256: string) => Promise<void>): Promise<number> {
  const rows = await from.db.all<{ sha256: string }>(
    "SELECT DISTINCT sha256 FROM file_references",
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
