import assert from "node:assert/strict";
import { Keyring } from "@/lib/access/keyring.ts";
import { Conflict, InvalidInput, NotFound } from "@/lib/errors.ts";
import { withStore } from "../support/temporary.ts";

const soon = () => new Date(Date.now() + 60_000).toISOString();

Deno.test("a first key that nobody was shown is made anew by the next start", () =>
  withStore((store) => {
    const failed = Keyring.open(store);
    failed.forgetCreated();
    assert.equal(failed.find(failed.created!), undefined);
    const next = Keyring.open(store);
    assert.ok(next.created && next.created !== failed.created);
    assert.equal(Keyring.open(store).created, undefined);
  }));

Deno.test("the last key that can make keys for good is neither removed, nor narrowed, nor given an end", () =>
  withStore((store) => {
    const keyring = Keyring.open(store);
    const { id } = keyring.find(keyring.created!)!;
    const refused = [
      () => keyring.remove(id),
      () => keyring.change(id, { scopes: ["read", "write"] }),
      () => keyring.change(id, { expires_at: soon() }),
    ];
    for (const refuse of refused) {
      assert.throws(refuse, (error) => error instanceof Conflict && /last one/.test(error.message));
    }
    // One that expires does not help, one without the scope neither.
    keyring.make({ name: "a", scopes: ["admin"], expires_at: soon() });
    keyring.make({ name: "b", scopes: ["read"] });
    assert.throws(() => keyring.remove(id), Conflict);
    keyring.change(id, { name: "still", rate: 1 });
    keyring.make({ name: "c", scopes: ["admin"] });
    keyring.remove(id);
    assert.equal(keyring.find(keyring.created!), undefined);
    assert.throws(() => keyring.remove(id), NotFound);
  }));

Deno.test("a start makes a key where those that are there expire, or cannot make keys", () =>
  withStore((store) => {
    const first = Keyring.open(store, "k".repeat(20));
    first.make({ name: "a", scopes: ["admin"], expires_at: soon() });
    first.make({ name: "b", scopes: ["read"] });
    assert.equal(first.created, undefined);
    // Without MCGIP_API_KEY its key is gone.
    assert.ok(Keyring.open(store).created);
  }));

Deno.test("the environment's key is no other's business, and no other has its name", () =>
  withStore((store) => {
    const keyring = Keyring.open(store, "k".repeat(20));
    const { id } = keyring.find("k".repeat(20))!;
    keyring.make({ name: "other", scopes: ["admin"] });
    assert.throws(() => keyring.remove(id), /Cannot remove the key of MCGIP_API_KEY: start/);
    assert.throws(() => keyring.change(id, { rate: 1 }), /Cannot change the key of MCGIP_API_KEY/);
    assert.throws(() => keyring.make({ name: "environment", scopes: ["read"] }), InvalidInput);
  }));

Deno.test("bounds that mean nothing are refused", () =>
  withStore((store) => {
    const keyring = Keyring.open(store);
    const scopes = ["read" as const];
    assert.throws(() => keyring.make({ name: "a", scopes, burst: 3 }), /Cannot use burst alone/);
    const { row } = keyring.make({ name: "a", scopes, burst: 3, rate: 1 });
    assert.throws(() => keyring.change(row.id, { rate: null }), /Cannot use burst alone/);
    const over = new Date(Date.now() - 1000).toISOString();
    assert.throws(() => keyring.make({ name: "a", scopes, expires_at: over }), InvalidInput);
    assert.throws(() => keyring.change(row.id, { expires_at: over }), InvalidInput);
  }));

Deno.test("what another process does to keys counts after a second; the last use is written once a minute", () =>
  withStore(async (store) => {
    const [server, program] = [Keyring.open(store), Keyring.of(store)];
    const { key, row } = program.make({ name: "a", scopes: ["read"] });
    assert.equal(server.find(key), undefined);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const found = server.find(key)!;
    assert.equal(found.id, row.id);
    assert.equal(found.last_used_at, null);
    server.used(found);
    const { last_used_at } = store.keys.get(row.id);
    assert.ok(Date.now() - Date.parse(last_used_at!) < 5_000);
    server.used(found);
    assert.equal(store.keys.get(row.id).last_used_at, last_used_at);
    program.remove(row.id);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    assert.equal(server.find(key), undefined);
  }));
