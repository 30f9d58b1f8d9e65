import assert from "node:assert/strict";
import { ENVIRONMENT_MS, hasExpired, Keyring } from "@/lib/access/keyring.ts";
import { Conflict, InvalidInput, NotFound } from "@/lib/errors.ts";
import { toKeyView } from "@/lib/access/key.ts";
import type { Store } from "@/lib/store/mod.ts";
import { inCluster, withStore } from "../support/temporary.ts";

const soon = () => new Date(Date.now() + 60_000).toISOString();

Deno.test("a first key that nobody was shown is made anew by the next start", () =>
  withStore(async (store) => {
    const failed = await Keyring.open(store);
    await failed.forgetCreated();
    assert.equal(await failed.find(failed.created!), undefined);
    const next = await Keyring.open(store);
    assert.ok(next.created && next.created !== failed.created);
    assert.equal((await Keyring.open(store)).created, undefined);
  }));

Deno.test("the last key that can make keys for good is neither removed, nor narrowed, nor given an end", () =>
  withStore(async (store) => {
    const keyring = await Keyring.open(store);
    const { id } = (await keyring.find(keyring.created!))!;
    const refused = [
      () => keyring.remove(id),
      () => keyring.change(id, { scopes: ["read", "write"] }),
      () => keyring.change(id, { expires_at: soon() }),
    ];
    for (const refuse of refused) {
      await assert.rejects(
        refuse,
        (error) => error instanceof Conflict && /last one/.test(error.message),
      );
    }
    // One that expires does not help, one without the scope neither.
    await keyring.make({ name: "a", scopes: ["admin"], expires_at: soon() });
    await keyring.make({ name: "b", scopes: ["read"] });
    await assert.rejects(keyring.remove(id), Conflict);
    await keyring.change(id, { name: "still", rate: 1 });
    await keyring.make({ name: "c", scopes: ["admin"] });
    await keyring.remove(id);
    assert.equal(await keyring.find(keyring.created!), undefined);
    await assert.rejects(keyring.remove(id), NotFound);
  }));

Deno.test("a start makes a key where those that are there expire, or cannot make keys", () =>
  withStore(async (store) => {
    const first = await Keyring.open(store, "k".repeat(20));
    await first.make({ name: "a", scopes: ["admin"], expires_at: soon() });
    await first.make({ name: "b", scopes: ["read"] });
    assert.equal(first.created, undefined);
    // Without MCGIP_API_KEY its key is gone; in a cluster another server may have been started with it.
    if (inCluster) return;
    assert.ok((await Keyring.open(store)).created);
  }));

Deno.test("the environment's key is no other's business, and no other has its name", () =>
  withStore(async (store) => {
    const keyring = await Keyring.open(store, "k".repeat(20));
    const { id } = (await keyring.find("k".repeat(20)))!;
    await keyring.make({ name: "other", scopes: ["admin"] });
    await assert.rejects(keyring.remove(id), /Cannot remove the key of MCGIP_API_KEY: start/);
    await assert.rejects(keyring.change(id, { rate: 1 }), /Cannot change the key of MCGIP_API_KEY/);
    await assert.rejects(keyring.make({ name: "environment", scopes: ["read"] }), InvalidInput);
  }));

Deno.test("bounds that mean nothing are refused", () =>
  withStore(async (store) => {
    const keyring = await Keyring.open(store);
    const scopes = ["read" as const];
    await assert.rejects(keyring.make({ name: "a", scopes, burst: 3 }), /Cannot use burst alone/);
    const { row } = await keyring.make({ name: "a", scopes, burst: 3, rate: 1 });
    await assert.rejects(
      keyring.change(row.id, { rate: null, burst: 3 }),
      /Cannot use burst alone/,
    );
    // What was of the rate goes with it.
    const { rate, burst } = await keyring.change(row.id, { rate: null });
    assert.deepEqual([rate, burst], [null, null]);
    assert.equal((await store.keys.get(row.id)).burst, null);
    const over = new Date(Date.now() - 1000).toISOString();
    await assert.rejects(keyring.make({ name: "a", scopes, expires_at: over }), InvalidInput);
    await assert.rejects(keyring.change(row.id, { expires_at: over }), InvalidInput);
  }));

Deno.test("what another process does to keys counts after a second; the last use is written once a minute", () =>
  withStore(async (store) => {
    const [server, program] = [await Keyring.open(store), await Keyring.of(store)];
    const { key, row } = await program.make({ name: "a", scopes: ["read"] });
    assert.equal(await server.find(key), undefined);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const found = (await server.find(key))!;
    assert.equal(found.id, row.id);
    assert.equal(found.last_used_at, null);
    await server.used(found);
    const { last_used_at } = await store.keys.get(row.id);
    assert.ok(Date.now() - Date.parse(last_used_at!) < 5_000);
    await server.used(found);
    assert.equal((await store.keys.get(row.id)).last_used_at, last_used_at);
    await program.remove(row.id);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    assert.equal(await server.find(key), undefined);
  }));

/** A store as that of a server in a cluster, for who asks no more than whether it is one. */
const asOfCluster = (store: Store): Store =>
  Object.create(store, { cluster: { value: store.cluster ?? {} } });

/** So much time goes by for the keys of servers that do not prolong them. */
const age = (store: Store, id: string, ms: number) =>
  store.keys.update(id, { expires_at: new Date(Date.now() + ENVIRONMENT_MS - ms).toISOString() });

Deno.test("servers of a cluster with different keys of their environment lock nobody out", () =>
  withStore(async (real) => {
    const store = asOfCluster(real);
    const [one, other] = ["a".repeat(20), "b".repeat(20)];
    const a = await Keyring.open(store, one);
    assert.deepEqual([a.created, a.otherEnvironment], [undefined, false]);
    const b = await Keyring.open(store, other);
    await a.reload();
    assert.deepEqual([a.otherEnvironment, b.otherEnvironment], [true, true], "both can tell");
    for (const keyring of [a, b]) {
      for (const key of [one, other]) {
        const row = (await keyring.find(key))!;
        assert.ok(row && !hasExpired(row) && row.scopes.includes("admin"));
        assert.equal(toKeyView(row).expires_at, null, "no time of its end is known");
      }
    }
    // The first is started anew with the other's key: its own ends a minute later, under the other's id.
    const { id } = (await b.find(one))!;
    const again = await Keyring.open(store, other);
    assert.equal((await again.find(other))!.id, (await b.find(other))!.id);
    await age(store, id, ENVIRONMENT_MS - 5_000);
    await again.reload();
    assert.ok(!hasExpired((await again.find(one))!));
    await age(store, id, ENVIRONMENT_MS + 1);
    await again.reload();
    assert.ok(hasExpired((await again.find(one))!), "nobody has it any more");
    assert.equal(again.otherEnvironment, false);
    // The server that has a key does not depend on the others' clocks.
    await a.reload();
    assert.ok(!hasExpired((await a.find(one))!));
    // With its old key it is started under its old id: answers are kept by it.
    const back = await Keyring.open(store, one);
    assert.equal((await back.find(one))!.id, id);
    await again.reload();
    assert.ok(!hasExpired((await again.find(one))!));
  }));

Deno.test("a key of the environment that a server of before removed is there again", () =>
  withStore(async (real) => {
    const store = asOfCluster(real);
    const key = "a".repeat(20);
    const keyring = await Keyring.open(store, key);
    const { id } = (await keyring.find(key))!;
    await store.keys.remove(id);
    await keyring.hold(true);
    await keyring.reload();
    assert.equal((await keyring.find(key))!.id, id);
    // One of a server of before has no end; here it gets one.
    await store.keys.update(id, { expires_at: null });
    const other = await Keyring.open(store, "b".repeat(20));
    assert.ok((await other.find(key))!.expires_at !== null);
  }));

Deno.test("on one machine another value of MCGIP_API_KEY takes the place of the one before", () =>
  withStore(async (store) => {
    if (inCluster) return;
    const [one, other] = ["a".repeat(20), "b".repeat(20)];
    const { id } = (await (await Keyring.open(store, one)).find(one))!;
    assert.equal((await (await Keyring.open(store, one)).find(one))!.id, id);
    const keyring = await Keyring.open(store, other);
    assert.equal(await keyring.find(one), undefined);
    assert.equal((await keyring.find(other))!.expires_at, null);
  }));

Deno.test("why a key that was let in is let in no more", () =>
  withStore(async (store) => {
    const keyring = await Keyring.open(store);
    const { row: { id } } = await keyring.make({ name: "a", scopes: ["work"] });
    assert.equal(await keyring.objection(id, "work"), undefined);
    assert.match((await keyring.objection(id, "write"))!, /no longer the scope write/);
    await keyring.change(id, { scopes: ["read"] });
    assert.match((await keyring.objection(id, "work"))!, /no longer the scope work/);
    await keyring.remove(id);
    assert.match((await keyring.objection(id, "work"))!, /was revoked/);
    const over = new Date(Date.now() + 300).toISOString();
    const { row } = await keyring.make({ name: "b", scopes: ["work"], expires_at: over });
    await new Promise((resolve) => setTimeout(resolve, 400));
    assert.match((await keyring.objection(row.id, "work"))!, /expired at/);
  }));
