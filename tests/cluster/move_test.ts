import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { TABLES } from "@/cluster/move.ts";
import { readCluster } from "@/lib/cluster_settings.ts";
import { importArchive } from "@/lib/datasets/archive.ts";
import { newJob } from "@/lib/jobs/queue.ts";
import { openStore, type Store } from "@/lib/store/mod.ts";
import { root } from "../support/imports.ts";
import { postgresTest } from "../support/postgres.ts";
import { clusterEnvironment, startS3rver } from "../support/s3_servers.ts";
import { smallArchive } from "../support/small_set.ts";
import { withDirectory } from "../support/temporary.ts";

async function task(env: Record<string, string>, ...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "move", ...args],
    cwd: root,
    env: { ...env, NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return { code, text: decoder.decode(stdout) + decoder.decode(stderr) };
}

/** Every row, without what is a worker's, and without the number of a set's change, which a reading may renew. */
async function rowsOf({ db }: Store): Promise<Record<string, unknown[]>> {
  const tables: Record<string, unknown[]> = {};
  for (const [table, key] of Object.entries(TABLES)) {
    const order = key.map((name) => `"${name}"`).join(", ");
    const rows = await db.all(`SELECT * FROM ${table} ORDER BY ${order}`);
    tables[table] = rows.map((row) => ({ ...row, lease_until: null, version: null }));
  }
  return tables;
}

postgresTest("a data directory moves into a cluster, and back", async (postgres, t) => {
  const s3 = await startS3rver();
  const env = clusterEnvironment(s3, await postgres.database());
  try {
    await withDirectory(async (folder) => {
      const [first, back] = [`${folder}/first`, `${folder}/back`];
      let store = await openStore(first);
      Deno.writeFileSync(`${folder}/set.zip`, await smallArchive());
      await importArchive(store, "breast", `${folder}/set.zip`);
      for (let i = 0; i < 700; i++) {
        await store.jobs.insert(newJob("similarity", { dataset: `Ä${i}` }));
      }
      const running = (await store.jobs.claim("worker"))!;
      await store.events.append(running.id, "log", { text: "wörds", n: 0.1 });
      const before = await rowsOf(store);
      const secret = store.secret;
      const digest = await store.datasets.digestOf(await store.datasets.byName("breast"));
      await store.close();

      await t.step("every row and file is there, and the secret", async () => {
        const { code, text } = await task({ ...env, MCGIP_DATA: first });
        assert.equal(code, 0, text);
        assert.match(text, /^12 rows of images$/m);
        assert.match(text, /^700 jobs sent to the queue$/m);
        const cluster = readCluster((name) => env[name])!;
        const moved = await openStore(`${folder}/other`, { cluster });
        assert.deepEqual(await rowsOf(moved), before);
        assert.deepEqual(moved.secret, secret);
        const dataset = await moved.datasets.byName("breast");
        await moved.datasets.changed(dataset.id);
        assert.equal(await moved.datasets.digestOf(await moved.datasets.byName("breast")), digest);
        for (const { file } of await moved.images.all(dataset.id)) await moved.files.read(file);
        assert.equal((await moved.jobs.claim("another"))!.id, running.id);
        await moved.close();
      });

      await t.step("while a worker lives nothing is moved", async () => {
        store = await openStore(first);
        await store.workers.hold("gpu-box-1");
        await store.close();
        const { code, text } = await task({ ...env, MCGIP_DATA: first });
        assert.equal(code, 1);
        assert.match(
          text,
          /1 worker .*may work there \(gpu-box-1\): stop servers and workers first/,
        );
        store = await openStore(first);
        await store.workers.remove("gpu-box-1");
        await store.close();
      });

      await t.step("a place that has something is refused", async () => {
        const { code, text } = await task({ ...env, MCGIP_DATA: first });
        assert.equal(code, 1);
        assert.match(text, /its table datasets has rows already; name another, empty one/);
        const none = await task({ MCGIP_DATA: first });
        assert.match(none.text, /MCGIP_DATABASE and MCGIP_FILES name no place/);
      });

      await t.step("from where nothing is nothing is moved, and nothing made", async () => {
        const missing = `${folder}/missing`;
        const forth = await task({ ...env, MCGIP_DATA: missing });
        assert.equal(forth.code, 1, forth.text);
        assert.match(forth.text, /Cannot move .*missing: there is nothing there/);
        const schema = { ...env, MCGIP_DATABASE: `${env.MCGIP_DATABASE}?schema=mcgpi` };
        const returned = await task({ ...schema, MCGIP_DATA: missing }, "--back");
        assert.equal(returned.code, 1, returned.text);
        assert.match(returned.text, /no schema "mcgpi" of a server, but \?schema=mcgip: name it/);
        assert.equal(existsSync(missing), false);
        const again = await task({ ...schema, MCGIP_DATA: missing }, "--back");
        assert.equal(again.text, returned.text, "no schema was made");
      });

      await t.step("and back into an empty directory", async () => {
        const { code, text } = await task({ ...env, MCGIP_DATA: back }, "--back");
        assert.equal(code, 0, text);
        store = await openStore(back);
        assert.deepEqual(store.setAside, { files: 0, checkpoints: 0, returned: 0 });
        const after = await rowsOf(store);
        // There another worker has taken up the job that ran.
        const rest = { jobs: [], attempts: [] };
        assert.deepEqual({ ...after, ...rest }, { ...before, ...rest });
        assert.deepEqual([after.jobs.length, after.attempts.length], [700, 2]);
        assert.deepEqual(store.secret, secret);
        const dataset = await store.datasets.byName("breast");
        for (const { file } of await store.images.all(dataset.id)) await store.files.read(file);
        await store.close();
      });
    });
  } finally {
    await s3.stop();
  }
});
