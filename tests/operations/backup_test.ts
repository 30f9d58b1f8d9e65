/** Backups: of a server under load, restored and verified; what is damaged or half is never taken for whole. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { backUp } from "@/lib/operations/backup.ts";
import { filesBelow, leftBeside, placeOf } from "@/lib/operations/data_files.ts";
import { restore } from "@/lib/operations/restore.ts";
import { verify } from "@/lib/operations/verify.ts";
import { Inspection } from "@/lib/store/inspection.ts";
import { newId, now, openStore, type Store } from "@/lib/store/mod.ts";
import { runTask, startTask } from "../support/program.ts";
import { startServer, type TestServer, until, withServer } from "../support/server.ts";
import { fill, makeReadOnly, mountSmallDisk, unmountSmallDisk } from "../support/small_disk.ts";
import { upload } from "../support/small_set.ts";
import { withDirectory } from "../support/temporary.ts";

const options = { codeVersion: "test" };

/** A picture of its own for every number. */
const picture = (n: number) => `P2\n4 1\n255\n${n % 251} ${n % 241} ${n % 239} ${n % 233}\n`;

/** Writes and replaces images and deletes whole sets without a pause until `stop` aborts; how many requests that were. */
async function load(server: TestServer, name: string, stop: AbortSignal): Promise<number> {
  let n = 0;
  const send = async (method: string, path: string, body?: string) => {
    const response = await server.fetch(path, { method, body });
    await response.body?.cancel();
    assert.ok(response.ok, `${method} ${path}: ${response.status}`);
  };
  while (!stop.aborted) {
    const path = `/v1/datasets/${name}`;
    for (let i = 0; i < 4; i++) await send("PUT", `${path}/images/${i}`, picture(++n));
    await send("PUT", `${path}/images/1`, picture(++n));
    if (n % 15 === 0) await send("DELETE", path);
  }
  return n;
}

Deno.test("backups of a server under load are whole: each is restored, verified and served", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "mcgip_test_" });
  const stop = new AbortController();
  try {
    await withServer(async (server) => {
      await upload(server, "kept", 24);
      const loads = Promise.allSettled(["a", "b"].map((name) => load(server, name, stop.signal)));
      try {
        for (const [i, more] of [[], ["--link"], []].entries()) {
          const to = `${folder}/backup${i}`;
          const made = await runTask("backup", [to, ...more, "--data", server.data]);
          assert.equal(made.code, 0, made.error + server.log().slice(-2000));
          assert.match(made.last, /: \d+ files \(.*\), database .*; 0 missing or damaged$/);
          const busy = await runTask("verify", ["--data", server.data]);
          assert.equal(busy.code, 0, busy.out);
          assert.match(busy.last, /^0 faults: .* \(a server runs\), in/);
        }
      } finally {
        stop.abort();
        const requests = await loads;
        for (const one of requests) {
          assert.ok(
            one.status === "fulfilled" && one.value > 20,
            String(one.status === "rejected" ? one.reason : one.value),
          );
        }
      }
      const ofServer = await runTask("verify", ["--data", server.data]);
      assert.equal(ofServer.code, 0, ofServer.out);
    });
    for (let i = 0; i < 3; i++) {
      const target = `${folder}/restored${i}`;
      const restored = await runTask("restore", [`${folder}/backup${i}`, "--data", target]);
      assert.equal(restored.code, 0, restored.error);
      const verified = await runTask("verify", [], { MCGIP_DATA: target });
      assert.equal(verified.code, 0, verified.out);
      assert.match(
        verified.last,
        /^0 faults: \d+ files .* for \d+ references, 0 of no row, 0 checkpoints, in/,
      );
    }
    const server = await startServer({ data: `${folder}/restored2` });
    try {
      const { data } = await server.json<{ data: { name: string }[] }>(
        "GET",
        "/v1/datasets/kept/images?limit=1000",
      );
      assert.equal(data.length, 24);
      for (const { name } of data) {
        const image = await server.fetch(`/v1/datasets/kept/images/${name}/image.png`);
        await image.body?.cancel();
        assert.equal(image.status, 200, name);
      }
      assert.doesNotMatch(server.log(), /set aside|refers to/);
    } finally {
      await server.stop();
    }
  } finally {
    stop.abort();
    Deno.removeSync(folder, { recursive: true });
  }
});

/** A picture of one pixel. */
const dot = (i: number) => `P2\n1 1\n255\n${String(i).padStart(3, "0")}\n`;

/** A store with a data set of some images, closed. */
async function small(directory: string, images: number): Promise<string[]> {
  const store = await openStore(directory);
  const dataset_id = newId("ds");
  const sha256s: string[] = [];
  for (let i = 0; i < images; i++) {
    const { sha256 } = await store.files.put(new TextEncoder().encode(dot(i)));
    sha256s.push(sha256);
  }
  await store.commitFiles(sha256s, () => insert(store, dataset_id, sha256s));
  Deno.mkdirSync(store.checkpoints("job_gone"), { recursive: true });
  Deno.writeTextFileSync(`${store.checkpoints("job_gone")}/step.safetensors`, "x");
  await store.close();
  return sha256s;
}

async function insert(store: Store, dataset_id: string, sha256s: string[]): Promise<void> {
  await store.datasets.insert({
    ...{
      id: dataset_id,
      name: "set",
      names: "keep",
      known_digest: "",
      structured: true,
      positive_label: null,
    },
    ...{ meta: {}, created_at: now() },
  });
  for (const [i, file] of sha256s.entries()) {
    await store.images.insert({
      ...{ id: newId("im"), dataset_id, name: `image ${i}`, file, format: "pnm", bytes: 15 },
      ...{ width: 1, height: 1, channels: 1, bits: 8, label: null, patient: null, split: null },
    });
  }
}

Deno.test("what is deleted while files are copied is not in the backup, and what was added is not missing", () =>
  withDirectory(async (folder) => {
    const data = `${folder}/data`;
    await small(data, 20);
    const store = await openStore(data);
    let changed = false;
    const { manifest, damaged } = await backUp(data, `${folder}/backup`, {
      ...options,
      async onProgress(done) {
        if (done !== 10 || changed) return;
        changed = true;
        const { id } = await store.datasets.byName("set");
        const files = (await store.images.listOf(id, { limit: 100 })).data.map(({ file }) => file);
        await store.db.transaction(async () => {
          await store.datasets.remove(id);
          await insert(store, newId("ds"), files.slice(0, 4));
        });
        await store.collectGarbage(files);
      },
    });
    await store.close();
    assert.ok(changed);
    assert.deepEqual([manifest.files, damaged], [4, []]);
    assert.equal((await restore(`${folder}/backup`, `${folder}/target`)).files, 4);
    assert.deepEqual(await verify(`${folder}/target`), {
      ...{ files: 4, bytes: 60, references: 4, faults: [], unnamed: 0, running: false },
      checkpoints: 0,
    });
  }));

Deno.test("files that are damaged or missing are named, left out, and told by verify too", () =>
  withDirectory(async (folder) => {
    const data = `${folder}/data`;
    const [flipped, missing] = await small(data, 3);
    Deno.writeTextFileSync(`${data}/${placeOf(flipped)}`, dot(9));
    Deno.removeSync(`${data}/${placeOf(missing)}`);
    const made = await runTask("backup", [`${folder}/backup`, "--data", data]);
    assert.equal(made.code, 1);
    assert.match(made.error, /image "image 0" of data set "set"/);
    assert.match(made.error, /image "image 1" of data set "set"/);
    assert.match(made.last, /: 1 file .*; 2 missing or damaged$/);
    const restored = await runTask("restore", [`${folder}/backup`, "--data", `${folder}/again`]);
    assert.equal(restored.code, 1, restored.error);
    assert.match(restored.last, /2 were missing or damaged then/);
    for (const name of ["image 0", "image 1"]) {
      assert.match(
        restored.error,
        new RegExp(`damaged when .*: image "${name}" of data set "set" .*; put it in again, or`),
      );
    }
    const found = await runTask("verify", ["--data", data]);
    assert.equal(found.code, 1);
    assert.match(found.out, /holds other bytes than were stored: image "image 0"/);
    assert.match(found.out, /is missing: image "image 1"/);
    assert.match(found.last, /^2 faults: 2 files /);
    const quick = await runTask("verify", ["--data", data, "--quick"]);
    assert.match(quick.last, /^1 fault: 2 files .*not read/);
  }));

Deno.test("a backup of which a byte or a file differs is refused, and nothing is made of it", () =>
  withDirectory(async (folder) => {
    const data = `${folder}/data`;
    const [first] = await small(data, 2);
    const backup = `${folder}/backup`;
    const { manifest } = await backUp(data, backup, options);
    assert.deepEqual([manifest.files, manifest.checkpoints, manifest.damaged], [2, 0, []]);
    assert.ok(!existsSync(`${backup}/checkpoints/job_gone`), "checkpoints of jobs that are gone");
    const target = `${folder}/target`;
    for (const place of ["mcgip.db", "secret.key", placeOf(first), "backup.json"]) {
      const sound = Deno.readFileSync(`${backup}/${place}`);
      const other = sound.slice();
      other[other.length >> 1] ^= 0x20;
      for (const bytes of [other, undefined]) {
        if (bytes) Deno.writeFileSync(`${backup}/${place}`, bytes);
        else Deno.removeSync(`${backup}/${place}`);
        await assert.rejects(restore(backup, target), /^Error: Cannot restore .*backup/, place);
        assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), [
          "backup",
          "data",
        ]);
      }
      Deno.writeFileSync(`${backup}/${place}`, sound);
    }
    await restore(backup, target);
    assert.deepEqual(await filesBelow(target), [
      ...(await filesBelow(`${backup}/files`)).map((path) => `files/${path}`),
      "mcgip.db",
      "secret.key",
    ]);
    assert.deepEqual(
      Deno.readFileSync(`${target}/secret.key`),
      Deno.readFileSync(`${data}/secret.key`),
    );
    assert.deepEqual((await verify(target)).faults, []);
  }));

Deno.test("what is there is left alone: a target that holds anything, a folder in the data directory", () =>
  withDirectory(async (folder) => {
    const data = `${folder}/data`;
    await small(data, 1);
    const backup = `${folder}/backup`;
    await backUp(data, backup, options);
    await assert.rejects(backUp(data, backup, options), /Cannot back up to .*backup: it exists/);
    await assert.rejects(backUp(data, `${data}/backup`, options), /lies in the data directory/);
    Deno.symlinkSync(data, `${folder}/link`);
    await assert.rejects(backUp(data, `${folder}/link/backup`, options), /lies in the data direc/);
    await assert.rejects(
      restore(backup, `${backup}/a/b`),
      /^Error: Cannot restore .*in the backup/,
    );
    await assert.rejects(
      backUp(`${folder}/none`, `${folder}/b`, options),
      /none: it is not there;/,
    );
    await assert.rejects(backUp(folder, `${folder}/b`, options), /holds no mcgip.db; name a data/);
    await assert.rejects(restore(backup, data), /Cannot restore into .*data: it is not empty/);
    await assert.rejects(restore(data, `${folder}/new`), /Cannot restore .*: it is no backup/);
    Deno.writeTextFileSync(`${folder}/file`, "");
    await assert.rejects(verify(`${folder}/file`), /^Error: Cannot verify .*file: it is a file;/);
    await assert.rejects(restore(backup, `${folder}/file`), /Cannot restore into/);
    Deno.mkdirSync(`${folder}/empty`);
    Deno.symlinkSync(`${folder}/empty`, `${folder}/to-empty`);
    await restore(backup, `${folder}/to-empty`);
    assert.ok(existsSync(`${folder}/empty/mcgip.db`));
    assert.ok(Deno.lstatSync(`${folder}/to-empty`).isSymlink);
  }));

Deno.test("links that lead nowhere, and a missing secret, are told as such", () =>
  withDirectory(async (folder) => {
    const data = `${folder}/data`;
    await small(data, 1);
    const nowhere = `${folder}/nowhere`;
    Deno.symlinkSync(`${folder}/gone`, nowhere);
    const backup = `${folder}/backup`;
    await assert.rejects(backUp(data, nowhere, options), /Cannot back up to .*nowhere: it exists/);
    await assert.rejects(backUp(data, `${nowhere}/b`, options), /nowhere is no folder, or a link/);
    await assert.rejects(backUp(nowhere, backup, options), /it is a link that leads nowhere/);
    await assert.rejects(
      verify(nowhere),
      /^Error: Cannot verify .*it is a link that leads nowhere/,
    );
    await backUp(data, backup, options);
    await assert.rejects(restore(backup, nowhere), /it is a link that leads nowhere; name a new/);
    await assert.rejects(restore(nowhere, `${folder}/new`), /it is no backup/);
    await assert.rejects(restore(`${folder}/gone`, `${folder}/new`), /gone: it is not there; name/);
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), [
      ...["backup", "data", "nowhere"],
    ]);
    Deno.renameSync(`${data}/secret.key`, `${folder}/secret`);
    Deno.symlinkSync(`${folder}/gone`, `${data}/secret.key`);
    await assert.rejects(backUp(data, `${folder}/b`, options), /holds no secret.key/);
  }));

Deno.test("a disk that is full, or read-only, is told in words, and nothing is left on it", () =>
  withDirectory(async (folder) => {
    const disk = mountSmallDisk(1);
    if (!disk) return console.log("skipped: mounting a small file system needs root");
    try {
      const data = `${folder}/data`;
      await small(data, 1);
      const backup = `${folder}/backup`;
      await backUp(data, backup, options);
      fill(`${disk}/filler`);
      const full = /^Error: Cannot make .*: its disk is full; make room there, or name/;
      await assert.rejects(backUp(data, `${disk}/backup`, options), full);
      await assert.rejects(restore(backup, `${disk}/data`), full);
      assert.deepEqual([...Deno.readDirSync(disk)].map(({ name }) => name), ["filler"]);
      Deno.removeSync(`${disk}/filler`);
      await restore(backup, `${disk}/data`);
      makeReadOnly(disk);
      const fixed = /^Error: Cannot make .*: it would lie on a file system that is read-only; name/;
      await assert.rejects(backUp(data, `${disk}/backup`, options), fixed);
      await assert.rejects(restore(backup, `${disk}/other`), fixed);
      assert.deepEqual((await verify(`${disk}/data`)).faults, []);
      await backUp(`${disk}/data`, `${folder}/again`, options);
      const made = await runTask("keys", ["make", "x", "--data", `${disk}/data`]);
      assert.deepEqual([made.code, made.out], [2, ""]);
      assert.match(made.error, /^Cannot use .*: its file system is read-only; name another data/);
    } finally {
      unmountSmallDisk(disk);
    }
  }));

Deno.test("a backup that is killed is never taken for whole", () =>
  withDirectory(async (folder) => {
    const data = `${folder}/data`;
    await small(data, 400);
    for (let i = 0; i < 5; i++) {
      const backup = `${folder}/backup${i}`;
      const child = startTask("backup", [backup, "--data", data]);
      const partial = `${backup}.partial-${child.pid}`;
      await until(() => existsSync(i % 2 ? `${partial}/files` : partial), 10_000);
      child.kill("SIGKILL");
      await child.output();
      assert.ok(!existsSync(backup));
      await assert.rejects(restore(backup, `${folder}/target`), /it was interrupted before it was/);
      await assert.rejects(
        restore(partial, `${folder}/target`),
        /it is no backup, or one that was/,
      );
    }
    // As in a container, where the next process has the same id.
    Deno.mkdirSync(`${folder}/backup0.partial-${Deno.pid}`);
    await backUp(data, `${folder}/backup0`, options);
    assert.equal(leftBeside(`${folder}/backup0`).length, 2);
    assert.equal((await restore(`${folder}/backup0`, `${folder}/target`)).files, 400);
  }));

Deno.test("what rows refer to is what the view of references holds", () =>
  withDirectory(async (folder) => {
    await small(folder, 2);
    const inspection = new Inspection(`${folder}/mcgip.db`);
    assert.equal(inspection.references().length, 2);
    inspection.close();
    const store = await openStore(folder);
    const { sql } = (await store.db.get<{ sql: string }>(
      "SELECT sql FROM sqlite_master WHERE name = 'file_references'",
    ))!;
    const tables = [...sql.matchAll(/FROM (\w+)/g)].map(([, table]) => table);
    assert.deepEqual(tables, ["images", "gaze", "heatmaps", "similarities", "models"]);
    await store.close();
  }));
