import assert from "node:assert/strict";
import { Keyring } from "@/lib/access/keyring.ts";
import { withStore } from "../support/temporary.ts";

Deno.test("a first key that nobody was shown is made anew by the next start", () =>
  withStore(async (store) => {
    const failed = await Keyring.open(store);
    await failed.forgetCreated();
    assert.equal(failed.find(failed.created!), undefined);
    const next = await Keyring.open(store);
    assert.ok(next.created && next.created !== failed.created);
    assert.equal((await Keyring.open(store)).created, undefined);
  }));
