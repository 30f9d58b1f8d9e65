import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { existsSync } from "node:fs";
import { ClaimLost, Conflict, NotFound } from "@/lib/errors.ts";
import { type JobRow, newId, now, openStore, type Store } from "@/lib/store/mod.ts";
import { versions } from "@/lib/store/migrations.ts";
import { inCluster, withDirectory, withStore } from "../support/temporary.ts";

const text = (value: string) => new TextEncoder().encode(value);

async function job(store: Store, changes: Partial<JobRow> = {}): Promise<JobRow> {
  return await store.jobs.insert({
    id: newId("job"),
    kind: "similarity",
    state: "queued",
    spec: { dataset: "breast" },
    progress: { done: 0, total: 0, unit: "" },
    worker: null,
    fence: 0,
    attempts: 0,
    requested: null,
    error: null,
    result: null,
    device: null,
    created_at: now(),
    started_at: null,
    finished_at: null,
    estimated_finish: null,
    study: null,
    fingerprint: null,
    sequence: 0,
    lease_until: null,
    told: 0,
    delivery: null,
    ...changes,
  });
}

async function dataset(store: Store, name: string) {
  return await store.datasets.insert({
    names: "keep",
    id: newId("ds"),
    name,
    known_digest: "0",
    structured: true,
    positive_label: "malignant",
    meta: { screen: [1, 2] },
    created_at: now(),
    version: 0,
  });
}

async function image(store: Store, dataset_id: string, name: string, file: string) {
  return await store.images.insert({
    id: newId("im"),
    dataset_id,
    name,
    file,
    format: "png",
    bytes: 1,
    width: 1,
    height: 1,
    channels: 1,
    bits: 8,
    label: null,
    patient: null,
    split: null,
  });
}

Deno.test("ids sort in the order of their making and are safe in URLs", () => {
  const ids = Array.from({ length: 2000 }, () => newId("im"));
  assert.deepEqual(ids, [...ids].sort());
  assert.equal(new Set(ids).size, ids.length);
  for (const id of ids) assert.match(id, /^im_[0-9a-z]{26}$/);
});

Deno.test("a second server on the same data directory is refused with the holder's id", async () => {
  await withDirectory(async (directory) => {
    const store = await openStore(directory);
    await assert.rejects(async () => await openStore(directory), (error) => {
      assert(error instanceof Conflict);
      assert.match(error.message, new RegExp(`process id ${Deno.pid} `));
      return true;
    });
    await (await openStore(directory, { shared: true })).close();
    await store.close();
    await (await openStore(directory)).close();

    // The lock of a killed process does not stay.
    const holder = new Deno.Command(Deno.execPath(), {
      args: [
        "eval",
        `import { openStore } from "${import.meta.resolve("@/lib/store/mod.ts")}";
         openStore(${JSON.stringify(directory)}); console.log("held"); setInterval(() => {}, 1e6);`,
      ],
      stdout: "piped",
    }).spawn();
    const reader = holder.stdout.getReader();
    await reader.read();
    await assert.rejects(
      async () => await openStore(directory),
      new RegExp(`process id ${holder.pid} `),
    );
    holder.kill("SIGKILL");
    await holder.status;
    await reader.cancel();
    await (await openStore(directory)).close();
  });
});

Deno.test(
  { name: "the database is opened as the reliability rules ask", ignore: inCluster },
  () =>
    withStore(async (store) => {
      const pragma = async (name: string) =>
        Object.values((await store.db.get(`PRAGMA ${name}`))!)[0];
      assert.equal(await pragma("journal_mode"), "wal");
      assert.equal(await pragma("synchronous"), 2);
      assert.equal(await pragma("foreign_keys"), 1);
      assert.equal(await pragma("busy_timeout"), 15_000);
      assert.equal(await pragma("user_version"), versions.length);
    }),
);

Deno.test("a transaction that fails keeps nothing", () =>
  withStore(async (store) => {
    await assert.rejects(async () =>
      await store.db.transaction(async () => {
        await dataset(store, "a");
        await store.db.transaction(async () => await dataset(store, "b"));
        throw new Error("no");
      }), /no/);
    assert.equal(await store.datasets.count(), 0);
    await dataset(store, "a");
    await assert.rejects(async () => await dataset(store, "a"), /UNIQUE|unique/);
  }));

Deno.test("rows come back as they were put, page by page", () =>
  withStore(async (store) => {
    const row = await dataset(store, "breast");
    assert.deepEqual({ ...await store.datasets.byName("breast") }, row);
    await assert.rejects(async () => await store.datasets.byName("x"), NotFound);
    for (const name of ["c", "a", "b/2", "b/10", "é"]) {
      await image(store, row.id, name, "0".repeat(64));
    }
    const names: string[] = [];
    let after: string | undefined;
    do {
      const page = await store.images.listOf(row.id, { after, limit: 2 });
      names.push(...page.data.map(({ name }) => name));
      after = page.next ?? undefined;
    } while (after);
    assert.deepEqual(names, ["a", "b/10", "b/2", "c", "é"]);
    await store.datasets.remove(row.id);
    assert.equal(await store.images.count(), 0);
  }));

Deno.test("files are addressed by content, kept with their rows, dropped without", () =>
  withStore(async (store) => {
    const { sha256, bytes } = await store.files.put(text("hello"));
    assert.equal(sha256, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    assert.equal(bytes, 5);
    const again = await store.files.put(ReadableStream.from([text("hel"), text("lo")]));
    assert.equal(again.sha256, sha256);

    const row = await dataset(store, "d");
    await store.commitFiles([sha256], async () => await image(store, row.id, "a", sha256));
    await store.discard([sha256]);
    assert(store.files.has(sha256), "a file with a row stays");
    await store.datasets.remove(row.id);
    await store.collectGarbage([sha256]);
    assert(!store.files.has(sha256));

    const other = await store.files.put(text("other"));
    await assert.rejects(async () =>
      await store.commitFiles([other.sha256], () => {
        throw new Error("no row");
      }), /no row/);
    assert(!store.files.has(other.sha256));
    // A bucket has it for a week.
    if (!inCluster) {
      await assert.rejects(
        async () => await store.commitFiles([sha256], () => Promise.resolve(0)),
        Conflict,
      );
    }
    assert.throws(() => store.files.path("../../etc/passwd"), /Cannot name/);
    assert.deepEqual([...Deno.readDirSync(store.files.temporary)], []);
  }));

Deno.test("a file that another import has pinned is not removed", () =>
  withStore(async (store) => {
    const { sha256 } = await store.files.put(text("x"));
    await store.files.put(text("x"));
    await store.discard([sha256]);
    assert(store.files.has(sha256));
    await store.discard([sha256]);
    assert(!store.files.has(sha256));
  }));

Deno.test("a file that another thread or process removes meanwhile is kept by whoever has put it", () =>
  withStore(async (store) => {
    const other = await openStore(store.directory, { shared: true });
    const row = await dataset(store, "d");
    for (const [name, put] of [["first", 1], ["equal", 2]] as const) {
      const puts = [];
      for (let i = 0; i < put; i++) puts.push((await store.files.put(text(name))).sha256);
      await other.collectGarbage(puts);
      assert(!store.files.has(puts[0]));
      // The second finds no name that it could keep the file by but its own.
      const again = (await store.files.put(text(name))).sha256;
      await other.collectGarbage([again]);
      await store.commitFiles([again], () => image(store, row.id, name, again));
      assert.deepEqual(await store.files.read(again), text(name));
      await store.discard(puts);
      assert(store.files.has(again));
    }
    await other.close();
    assert.deepEqual([...Deno.readDirSync(store.files.temporary)], []);
  }));

Deno.test("too large or broken streams leave nothing", () =>
  withStore(async (store) => {
    await assert.rejects(store.files.put(text("12345"), { maxBytes: 4 }), /more than 4 bytes/);
    const broken = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.error(new Error("gone"));
      },
    });
    await assert.rejects(store.files.put(broken), /gone/);
    assert.deepEqual([...Deno.readDirSync(store.files.temporary)], []);
  }));

Deno.test("a start beside a worker that lives leaves what that may have under way, and takes what is old", () =>
  withDirectory(async (directory) => {
    let store = await openStore(directory);
    const [made, old] = [await store.files.put(text("made")), await store.files.put(text("old"))];
    store.files.unpin([made.sha256, old.sha256]);
    const half = store.files.temporaryPath();
    Deno.writeTextFileSync(half, "half");
    const yesterday = new Date(Date.now() - 24 * 3600 * 1000);
    Deno.utimeSync(store.files.path(old.sha256), yesterday, yesterday);
    const started = async () => {
      await store.close();
      store = await openStore(directory);
      return [made, old].map(({ sha256 }) => store.files.has(sha256)).concat(existsSync(half));
    };
    await store.workers.hold("beside");
    assert.deepEqual(await started(), [true, false, true]);
    await store.workers.remove("beside");
    assert.deepEqual(await started(), [false, false, false]);
    await store.close();
  }));

Deno.test("the start empties tmp/ and sets aside what nothing refers to; it comes back with its rows", () =>
  withDirectory(async (directory) => {
    let store = await openStore(directory);
    const row = await dataset(store, "d");
    const kept = await store.files.put(text("kept"));
    const orphan = await store.files.put(text("orphan"));
    await store.commitFiles(
      [kept.sha256],
      async () => await image(store, row.id, "a", kept.sha256),
    );
    Deno.writeTextFileSync(store.files.temporaryPath(), "half");
    const { id } = await job(store);
    Deno.mkdirSync(store.checkpoints(id), { recursive: true });
    Deno.mkdirSync(store.checkpoints("job_gone"), { recursive: true });
    await store.idempotency.begin("k", "1", "x");
    await store.close();
    store = await openStore(directory);
    assert.deepEqual(store.setAside, { files: 1, checkpoints: 1, returned: 0 });
    assert.deepEqual([...Deno.readDirSync(store.files.temporary)], []);
    assert(store.files.has(kept.sha256) && !store.files.has(orphan.sha256));
    const left = [...Deno.readDirSync(`${directory}/checkpoints`)].map((e) => e.name);
    assert.deepEqual(left, [id]);
    assert.deepEqual(await store.idempotency.begin("k", "1", "x"), { state: "new" });

    // A database that was put back refers to the file again.
    Deno.mkdirSync(`${directory}/aside/files`, { recursive: true });
    Deno.renameSync(store.files.path(kept.sha256), `${directory}/aside/files/${kept.sha256}`);
    await store.close();
    store = await openStore(directory);
    assert.equal(store.setAside!.returned, 1);
    assert.deepEqual(await store.files.read(kept.sha256), text("kept"));

    // For good only after a week.
    const path = `${directory}/aside/files/${orphan.sha256}`;
    const old = new Date(Date.now() - 8 * 24 * 3600 * 1000);
    Deno.utimeSync(path, old, old);
    await store.close();
    store = await openStore(directory);
    assert(!existsSync(path));
    await store.close();
  }));

Deno.test("files without their database are refused, with the way back, and nothing is removed", () =>
  withDirectory(async (directory) => {
    let store = await openStore(directory);
    const row = await dataset(store, "d");
    const kept = await store.files.put(text("kept"));
    await store.commitFiles(
      [kept.sha256],
      async () => await image(store, row.id, "a", kept.sha256),
    );
    await store.close();
    const database = `${directory}/mcgip.db`;
    Deno.renameSync(database, `${directory}/backup.db`);
    const refused = /holds files, but its database mcgip.db is missing. Restore a backup into/;
    for (let i = 0; i < 2; i++) {
      await assert.rejects(async () => await openStore(directory), refused);
    }
    Deno.writeTextFileSync(database, "");
    await assert.rejects(async () => await openStore(directory), /is empty/);
    Deno.renameSync(`${directory}/backup.db`, database);
    store = await openStore(directory);
    assert.deepEqual(await store.files.read(kept.sha256), text("kept"));
    await store.close();
  }));

Deno.test("what was deleted is soon in the database's log no more, also where somebody reads meanwhile", () =>
  withDirectory(async (directory) => {
    const store = await openStore(directory);
    const reader = new DatabaseSync(`${directory}/mcgip.db`);
    const held = () =>
      ["mcgip.db", "mcgip.db-wal"].filter((file) =>
        new TextDecoder("latin1").decode(Deno.readFileSync(`${directory}/${file}`))
          .includes("some_name")
      );
    const row = await dataset(store, "some_name");
    assert.deepEqual(held(), ["mcgip.db-wal"]);
    reader.exec("BEGIN");
    reader.prepare("SELECT * FROM datasets").all();
    await store.datasets.remove(row.id);
    assert.equal(await store.db.forgetDeleted(), false, "while somebody reads what is older");
    assert.notDeepEqual(held(), []);
    reader.exec("COMMIT");
    assert.equal(await store.db.forgetDeleted(), true);
    assert.deepEqual(held(), []);
    reader.close();
    await store.close();
  }));

Deno.test("jobs are claimed oldest first, once each, with a growing fence", () =>
  withStore(async (store) => {
    const [first, second] = [await job(store), await job(store)];
    assert.equal(await store.jobs.queuePosition(second), 1);
    const a = (await store.jobs.claim("w1"))!;
    assert.equal(a.id, first.id);
    assert.equal(a.fence, 1);
    assert.equal((await store.jobs.claim("w1"))!.id, second.id);
    assert.equal(await store.jobs.claim("w1"), undefined);

    // Another worker takes over what the first left; the first cannot write any more.
    assert.equal(await store.jobs.claim("w2"), undefined, "the first is alive");
    await store.jobs.release("w1");
    assert.equal(
      await store.jobs.claim("w2", { kinds: ["another"] }),
      undefined,
      "what it cannot run it leaves",
    );
    const b = (await store.jobs.claim("w2", { kinds: ["another", first.kind] }))!;
    assert.equal(b.id, first.id);
    assert.equal(b.fence, 2);
    await assert.rejects(async () => await store.jobs.change(a, { state: "succeeded" }), ClaimLost);
    await assert.rejects(
      async () => await store.jobs.withClaim(a, () => Promise.resolve(0)),
      ClaimLost,
    );
    await store.jobs.change(b, { state: "succeeded", result: { similarity: "sim_1" } });
    const done = await store.jobs.get(first.id);
    assert.equal(done.state, "succeeded");
    assert(done.finished_at);
    assert.deepEqual(done.result, { similarity: "sim_1" });
    await assert.rejects(async () => await store.jobs.change(b, { state: "failed" }), ClaimLost);
  }));

Deno.test("cancel, pause and resume act at once on waiting jobs and ask running ones", () =>
  withStore(async (store) => {
    const waiting = await job(store);
    assert.equal((await store.jobs.pause(waiting.id)).state, "paused");
    assert.equal(await store.jobs.claim("w"), undefined);
    assert.equal((await store.jobs.resume(waiting.id)).state, "queued");
    const running = (await store.jobs.claim("w"))!;
    assert.equal((await store.jobs.pause(running.id)).requested, "pause");
    assert.equal((await store.jobs.resume(running.id)).requested, null);
    assert.equal((await store.jobs.cancel(running.id)).state, "running");
    assert.equal((await store.jobs.pause(running.id)).requested, "cancel");
    assert.equal(await store.jobs.requested(running.id), "cancel");
    await assert.rejects(async () => await store.jobs.removeFinished(running.id), Conflict);
    await store.jobs.change(running, { state: "cancelled", requested: null });
    await assert.rejects(async () => await store.jobs.cancel(running.id), Conflict);
    await assert.rejects(async () => await store.jobs.resume(running.id), Conflict);
    await store.jobs.removeFinished(running.id);
    await assert.rejects(async () => await store.jobs.get(running.id), NotFound);
  }));

Deno.test("a data set is read by jobs that have not ended", () =>
  withStore(async (store) => {
    const { id } = await job(store);
    assert.equal(await store.datasets.reader("breast"), id);
    assert.equal(await store.datasets.reader("other"), undefined);
    await store.jobs.cancel(id);
    assert.equal(await store.datasets.reader("breast"), undefined);
    assert.equal(
      (await store.jobs.listJobs({ dataset: "breast", state: "cancelled" })).data.length,
      1,
    );
    assert.equal((await store.jobs.listJobs({ kind: "pretrain" })).data.length, 0);
  }));

Deno.test("events count from 1 per job; metrics of a repeated step are replaced", () =>
  withStore(async (store) => {
    const [a, b] = [await job(store), await job(store)];
    await store.events.append(a.id, "log", { message: "x" });
    await store.events.append(b.id, "log", {});
    await store.events.append(a.id, "log", { message: "y" });
    assert.deepEqual((await store.events.list(b.id)).data.map(({ id }) => id), [1]);
    const page = await store.events.list(a.id, { limit: 1 });
    assert.deepEqual([page.has_more, page.next], [true, "1"]);
    assert.deepEqual((await store.events.list(a.id, { after: 1 })).data[0].data, { message: "y" });

    await store.metrics.put(a.id, [{ step: 1, epoch: 0.5, values: { loss: 2, accuracy: 0.1 } }]);
    await store.metrics.put(a.id, [{ step: 1, epoch: 0.5, values: { loss: 0 } }]);
    await store.metrics.put(a.id, [
      { step: 1, epoch: 0.4, values: { loss: 3 } },
      { step: 1, epoch: 0.5, values: { loss: 1 } },
      { step: 2, epoch: 1, values: { loss: NaN } },
    ]);
    assert.deepEqual((await store.metrics.list(a.id, { name: "loss" })).map((r) => r.value), [
      1,
      null,
    ]);
    assert.equal((await store.metrics.list(a.id, { afterStep: 1 })).length, 1);
  }));

Deno.test("predictions are found by every field of the query", () =>
  withStore(async (store) => {
    const put = async (model_id: string, image: string, label: string, probability: number) =>
      await store.predictions.insertAll([{
        id: newId("pr"),
        model_id,
        dataset: "d",
        image,
        label,
        probability,
        probabilities: { [label]: probability },
        created_at: now(),
      }]);
    await put("m1", "a", "benign", 0.6);
    await put("m1", "b", "malignant", 0.9);
    await put("m2", "a", "malignant", 0.7);
    const found = async (query: Parameters<Store["predictions"]["query"]>[0]) =>
      (await store.predictions.query(query)).data.map((row) => row.model_id + row.image);
    assert.deepEqual(await found({}), ["m1a", "m1b", "m2a"]);
    assert.deepEqual(await found({ model: "m1" }), ["m1a", "m1b"]);
    assert.deepEqual(await found({ dataset: "d", image: "a" }), ["m1a", "m2a"]);
    assert.deepEqual(await found({ label: "malignant", min_probability: 0.8 }), ["m1b"]);
    const first = await store.predictions.query({ limit: 1 });
    assert.deepEqual(await found({ after: first.next!, limit: 1 }), ["m1b"]);
  }));

Deno.test("models are found by id, alias, and the newest version of a name", () =>
  withStore(async (store) => {
    const put = async (name: string | null) =>
      await store.models.insert({
        id: newId("mod"),
        name,
        version: name === null ? null : await store.models.nextVersion(name),
        kind: "uploaded",
        job_id: null,
        dataset_id: null,
        dataset_digest: null,
        spec: {
          backbone: "resnet18",
          width: 64,
          channels: 1,
          image_size: 64,
          classes: [],
          normalization: { mean: [0], std: [1] },
        },
        lineage: {},
        file: "0".repeat(64),
        created_at: now(),
      });
    const [unnamed, first, second] = [await put(null), await put("r"), await put("r")];
    assert.deepEqual([first.version, second.version], [1, 2]);
    await store.models.setAlias("best", first.id);
    assert.equal((await store.models.resolve("r")).id, second.id);
    assert.equal((await store.models.resolve("best")).id, first.id);
    assert.equal((await store.models.resolve(unnamed.id)).spec.backbone, "resnet18");
    await store.models.setAlias("best", second.id);
    assert.deepEqual(await store.models.aliasesOf(second.id), ["best"]);
    await store.models.remove(second.id);
    await assert.rejects(async () => await store.models.resolve("best"), NotFound);
  }));

Deno.test("an idempotency key answers again, refuses another request, and can be freed", () =>
  withStore(async (store) => {
    const { idempotency } = store;
    assert.equal((await idempotency.begin("key_1", "a", "r1")).state, "new");
    assert.equal((await idempotency.begin("key_1", "a", "r1")).state, "running");
    assert.equal((await idempotency.begin("key_1", "a", "r2")).state, "mismatch");
    assert.equal((await idempotency.begin("key_2", "a", "r2")).state, "new");
    const answer = { status: 202, headers: { location: "/x" }, body: "{}" };
    await idempotency.finish("key_1", "a", answer);
    assert.deepEqual(await idempotency.begin("key_1", "a", "r1"), { state: "finished", answer });
    await idempotency.forget("key_1", "a");
    assert.equal((await idempotency.begin("key_1", "a", "r2")).state, "new");
  }));
