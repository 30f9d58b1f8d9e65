/** What a data directory holds beside its content: damage is told, with the way back, and what can be made again is. */
import assert from "node:assert/strict";
import { Conflict, Damaged } from "@/lib/errors.ts";
import { newId, now, openStore, type Store } from "@/lib/store/mod.ts";
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
