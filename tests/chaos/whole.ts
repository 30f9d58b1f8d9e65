/** Whether all is as it would be had there been no faults. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { keysOf } from "../support/s3_servers.ts";
import type { JobRow, Store } from "@/lib/store/mod.ts";
import { openStore } from "@/lib/store/mod.ts";
import { verifyCluster } from "@/cluster/verify.ts";
import type { World } from "./world.ts";

/** What jobs give that nothing disturbs, on the same adapter. */
export interface Undisturbed {
  /** SHA-256 of a chain's file. */
  chain: string;
  /** Numbers of a training's model. */
  trained: Uint8Array;
}

/** Steps of a chain. */
export const STEPS = 80;

/** Of the file of a job's model what comes behind the header, which tells which job it was. */
export async function trainedBy(store: Store, job: JobRow): Promise<Uint8Array> {
  const [model, ...more] = await store.db.all<{ file: string }>(
    "SELECT file FROM models WHERE job_id = ?",
    job.id,
  );
  assert.equal(more.length, 0, `${job.id} has published ${more.length + 1} models`);
  const bytes = await store.files.read(model.file);
  return bytes.subarray(8 + Number(new DataView(bytes.buffer).getBigUint64(0, true)));
}

export async function chainOf(store: Store, job: JobRow): Promise<string> {
  const made = await store.db.all<{ file: string }>(
    "SELECT file FROM similarities WHERE job_id = ?",
    job.id,
  );
  assert.equal(made.length, 1, `${job.id} has published ${made.length} files`);
  await store.files.verify(made[0].file);
  return made[0].file;
}

/** Of a job that has succeeded; how often it was begun. */
export async function assertWhole(
  store: Store,
  job: JobRow,
  wanted: Undisturbed,
): Promise<number> {
  const { id } = job;
  const events = (await store.events.list(id, { limit: 1000 })).data;
  const ended = events.filter(({ type, data }) => type === "state" && data.state === "succeeded");
  assert.equal(ended.length, 1, `${id} has ended ${ended.length} times`);
  assert.deepEqual(events.map(({ id }) => id), events.map((_, i) => i + 1), `${id}: gaps`);
  const begun =
    events.filter(({ type, data }) => type === "state" && data.state === "running").length;
  if (job.kind === "pretrain") {
    assert.ok(
      Buffer.compare(await trainedBy(store, job), wanted.trained) === 0,
      `${id} has other numbers`,
    );
    return begun;
  }
  assert.equal(await chainOf(store, job), wanted.chain, `${id} has another digest`);
  const points = await store.db.all<{ step: number; value: number }>(
    "SELECT step, value FROM metrics WHERE job_id = ? ORDER BY step",
    id,
  );
  assert.deepEqual(
    points.map(({ step, value }) => [step, value]),
    Array.from({ length: STEPS }, (_, i) => [i, i]),
    id,
  );
  const { starts } = job.result as { starts: number[] };
  assert.equal(starts[0], 0);
  assert.ok(
    starts.every((start, i) => start % 10 === 0 && start >= (starts[i - 1] ?? 0)),
    `${id} began at ${starts}`,
  );
  return begun;
}

const referred = async ({ db }: Store) =>
  new Set(
    (await db.all<{ sha256: string }>("SELECT sha256 FROM file_references")).map((row) =>
      row.sha256
    ),
  );

const missing = (some: Iterable<string>, all: Set<string>) =>
  [...some].filter((one) => !all.has(one));

/** While all goes on: what rows name is there, and nothing is in a bucket that no row knows of. */
export async function assertFiles({ store, s3 }: World): Promise<void> {
  const named = await referred(store);
  if (!s3) {
    assert.deepEqual([...named].filter((sha256) => !store.files.has(sha256)), []);
    return;
  }
  const there = await blobsOf(s3.settings);
  assert.deepEqual(missing(named, there), [], "rows without a blob");
  assert.deepEqual(missing(there, await rows(store)), [], "blobs without a row");
}

const rows = async ({ db }: Store) =>
  new Set((await db.all<{ sha256: string }>("SELECT sha256 FROM blobs")).map((row) => row.sha256));

const blobsOf = async (settings: Parameters<typeof keysOf>[0]) =>
  new Set((await keysOf(settings, "files/")).map((key) => key.split("/").at(-1)!));

/** When nothing goes on any more, and what nothing needs has gone: rows and blobs are the same. */
export async function assertSwept({ store, s3 }: World): Promise<void> {
  const { cluster, files, db } = store;
  if (!s3 || !cluster) return;
  const temporary = Deno.makeTempDirSync({ prefix: "mcgip_verify_" });
  try {
    const { faults } = await verifyCluster(db, cluster.remote, { temporary });
    assert.deepEqual(faults, []);
  } finally {
    Deno.removeSync(temporary, { recursive: true });
  }
  // As if a week went by.
  await db.run("UPDATE blobs SET touched_at = 0");
  while (await files.shared!.sweep() > 0);
  const named = [...await referred(store)].sort();
  assert.deepEqual([...await blobsOf(s3.settings)].sort(), named, "blobs");
  assert.deepEqual([...await rows(store)].sort(), named, "rows of blobs");
}

/** The same of a directory, as its next start leaves it. */
export async function assertSetAside(directory: string): Promise<void> {
  const store = await openStore(directory);
  try {
    const named = [...await referred(store)].sort();
    assert.deepEqual([...store.files.stored()].sort(), named);
    for (const sha256 of named) await store.files.verify(sha256);
  } finally {
    await store.close();
  }
}
