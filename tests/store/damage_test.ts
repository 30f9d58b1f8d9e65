/** What a data directory holds beside its content: damage is told, with the way back, and what can be made again is. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { Conflict, Damaged } from "@/lib/errors.ts";
import { newId, now, openStore, type Store } from "@/lib/store/mod.ts";
import { verify } from "@/lib/operations/verify.ts";
import { versions } from "@/lib/store/migrations.ts";
import { withDirectory } from "../support/temporary.ts";

/** Opens, runs `body`, and leaves in order. */
async function visit<T>(
  directory: string,
  body: (store: Store) => T | Promise<T>,
): Promise<T> {
  const store = await openStore(directory);
  try {
    return await body(store);
  } finally {
    await store.close();
  }
}

const flip = (path: string, at: number) => {
  const bytes = Deno.readFileSync(path);
  bytes[at] ^= 1;
  Deno.writeFileSync(path, bytes);
};

const refused = (directory: string, why: RegExp) =>
  assert.rejects(openStore(directory), (error) => {
    assert.ok(error instanceof Conflict, String(error));
    assert.match(error.message, why);
    return true;
  });

Deno.test("the secret: of before it is taken and sealed; damaged, cut or missing beside a database it is refused", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/secret.key`;
    const plain = new Uint8Array(32).fill(200);
    Deno.writeFileSync(path, plain);
    await visit(directory, ({ secret }) => assert.deepEqual(secret, plain));
    assert.equal(Deno.statSync(path).mode! & 0o777, 0o600);
    await visit(directory, ({ secret }) => assert.deepEqual(secret, plain));
    const sealed = Deno.readFileSync(path);
    for (const at of [3, 64, 100]) {
      flip(path, at);
      await refused(directory, /secret\.key: it is damaged\. Put it back from a backup/);
      Deno.writeFileSync(path, sealed);
    }
    for (const length of [0, 16, 32, 64, 65, 100]) {
      Deno.writeFileSync(path, sealed.subarray(0, length));
      await refused(directory, /it is damaged/);
    }
    Deno.removeSync(path);
    await refused(directory, /it is missing\. Put it back.*head -c 32/);
    Deno.writeFileSync(path, plain);
    await visit(directory, ({ secret }) => assert.deepEqual(secret, plain));
  }));

Deno.test("the secret of another data directory is refused; one that somebody puts there to begin anew is taken", () =>
  withDirectory(async (directory) => {
    const [own, other] = ["own", "other"].map((name) => `${directory}/${name}`);
    await visit(other, () => {});
    const first = await visit(own, ({ secret }) => secret);
    const path = `${own}/secret.key`;
    const good = Deno.readFileSync(path);
    Deno.copyFileSync(`${other}/secret.key`, path);
    await refused(own, /secret\.key: it is another data directory's\. Put it back from a backup/);
    assert.ok(
      (await verify(own)).faults.some((fault) =>
        fault.startsWith("secret.key is another data directory's")
      ),
    );
    Deno.writeFileSync(path, good);
    await visit(own, ({ secret }) => assert.deepEqual(secret, first));
    assert.deepEqual((await verify(own)).faults, []);
    const plain = new Uint8Array(32).fill(201);
    Deno.writeFileSync(path, plain);
    await visit(own, ({ secret }) => assert.deepEqual(secret, plain));
    Deno.writeFileSync(path, good);
    await refused(own, /another data directory's/);
  }));

Deno.test("a changed byte of a database at rest is told", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/mcgip.db`;
    await visit(directory, async (store) => {
      assert.equal(store.atRest, "unknown");
      for (let i = 0; i < 50; i++) {
        await store.keys.insert({
          ...{ id: newId("key"), name: `key ${i}`, hash: `${i}`, scopes: ["read"] },
          ...{ last_used_at: null, expires_at: null, rate: null, burst: null },
          ...{ max_bytes: null, max_jobs: null, created_at: now() },
        });
      }
    });
    await visit(directory, ({ atRest }) => assert.equal(atRest, "same"));
    const text = new TextDecoder("latin1").decode(Deno.readFileSync(path));
    flip(path, text.indexOf("key 30") + 4);
    await visit(directory, ({ atRest }) => assert.equal(atRest, "changed"));
    await visit(directory, ({ atRest }) => assert.equal(atRest, "same"));
  }));

Deno.test("a flipped byte in any page of a database at rest, of whichever table, is told", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/mcgip.db`;
    await visit(directory, () => {});
    const [sound, sum] = [path, `${path}.sha256`].map((file) => Deno.readFileSync(file));
    const page = 4096;
    const silent: number[] = [];
    for (let at = 0; at < sound.length; at += page) {
      Deno.writeFileSync(path, sound);
      Deno.writeFileSync(`${path}.sha256`, sum);
      flip(path, at + Math.floor(Math.random() * page));
      try {
        const told = await visit(directory, ({ atRest }) => atRest === "changed");
        if (!told) silent.push(at / page);
      } catch (error) {
        // A file that is too strange to be opened names itself.
        assert.match(String(error), /mcgip\.db/);
      }
    }
    assert.deepEqual(silent, []);
  }));

Deno.test("a flipped byte in the log of a server that was cut off is told, in any frame; what is whole is not", () =>
  withDirectory(async (folder) => {
    const directory = `${folder}/data`;
    const cut = `${folder}/cut`;
    await visit(directory, async (store) => {
      for (let i = 0; i < 5; i++) {
        await store.datasets.insert({
          ...{ id: newId("ds"), name: `set ${i}`, names: "keep", known_digest: "0" },
          ...{ structured: true, positive_label: null, meta: {}, created_at: now() },
        });
      }
      // As a kill leaves it.
      new Deno.Command("cp", { args: ["-a", directory, cut] }).outputSync();
      Deno.removeSync(`${cut}/server.lock`);
    });
    const [database, log] = ["db", "db-wal"].map((ending) =>
      Deno.readFileSync(`${cut}/mcgip.${ending}`)
    );
    const open = async (held: Uint8Array) => {
      Deno.writeFileSync(`${cut}/mcgip.db`, database);
      Deno.writeFileSync(`${cut}/mcgip.db-wal`, held);
      return await visit(cut, async (store) => ({
        damage: store.logDamage,
        sets: await store.datasets.count(),
      }));
    };
    assert.deepEqual(await open(log), { damage: undefined, sets: 5 });
    const frame = 24 + 4096;
    const frames = (log.length - 32) / frame;
    assert.ok(frames >= 5 && Number.isInteger(frames), `${frames}`);
    const flipped = (at: number) => log.with(at, log[at] ^ 0x10);
    for (const i of [0, 1, frames >> 1, frames - 2, frames - 1]) {
      for (const at of [0, 5, 17, 24, frame - 1]) {
        const { damage, sets } = await open(flipped(32 + i * frame + at));
        assert.equal(damage, `frame ${i + 1} of ${frames} is damaged`);
        assert.ok(sets < 5, "SQLite has used a frame that is damaged");
      }
    }
    assert.equal((await open(flipped(9))).damage, "its head is damaged");
    const kept = [...Deno.readDirSync(`${cut}/aside/databases`)].map(({ name }) => name);
    assert.ok(kept.some((name) => /^damaged-\d+\.db-wal$/.test(name)), `${kept}`);
    // Frames that were being written when the end came.
    for (const length of [32, 32 + frame, log.length - 100, log.length - frame]) {
      assert.equal((await open(log.slice(0, length))).damage, undefined, `${length}`);
    }
  }));

Deno.test("a database is kept as it was before it is brought up, and opens in the older schema again", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/mcgip.db`;
    const older = versions.length - 1;
    const old = new DatabaseSync(path);
    old.exec(`${versions.slice(0, older).join(";")}; PRAGMA user_version = ${older}`);
    old.exec(
      "INSERT INTO jobs (id, kind, state, spec, progress, created_at) VALUES ('a', 'b', 'queued', '{}', '{}', '')",
    );
    old.close();
    Deno.writeFileSync(`${directory}/secret.key`, new Uint8Array(32).fill(200));
    const kept = await visit(directory, ({ olderDatabase }) => olderDatabase!);
    assert.equal(kept, `${directory}/aside/databases/schema-${older}.db`);
    assert.equal(Deno.statSync(kept).mode! & 0o777, 0o600);
    const copy = new DatabaseSync(kept, { readOnly: true });
    assert.equal(copy.prepare("PRAGMA user_version").get()!.user_version, older);
    assert.equal(copy.prepare("SELECT id FROM jobs").get()!.id, "a");
    copy.close();
    await visit(directory, ({ olderDatabase }) => assert.equal(olderDatabase, undefined));
    // As all that is set aside, for a week.
    const time = new Date(Date.now() - 8 * 24 * 3600 * 1000);
    Deno.utimeSync(kept, time, time);
    await visit(directory, () => {});
    assert.deepEqual([...Deno.readDirSync(`${directory}/aside/databases`)], []);
  }));

Deno.test("an upload whose facts are damaged is told, stops no start, and can be removed", () =>
  withDirectory(async (directory) => {
    const [bad, good] = await visit(directory, ({ uploads }) => [
      uploads.create(10, null).id,
      uploads.create(20, null).id,
    ]);
    const path = `${directory}/uploads/${bad}.json`;
    const text = Deno.readTextFileSync(path);
    const store = await openStore(directory);
    for (const damage of [text.replace('"length":10', '"length":90'), text.slice(0, 30), "{"]) {
      Deno.writeTextFileSync(path, damage);
      assert.throws(() => store.uploads.get(bad), Damaged);
      assert.deepEqual(store.uploads.list().map(({ id }) => id), [good]);
    }
    Deno.copyFileSync(`${directory}/uploads/${good}.json`, path);
    assert.throws(() => store.uploads.get(bad), /or another's/);
    await store.close();
    // As it was kept before: without a sum.
    Deno.writeTextFileSync(path, text.split("\n")[0]);
    await visit(directory, async ({ uploads }) => {
      assert.equal(uploads.get(bad).length, 10);
      Deno.writeTextFileSync(path, "{");
      await uploads.remove(bad);
      assert.deepEqual(uploads.list().map(({ id }) => id), [good]);
    });
  }));
