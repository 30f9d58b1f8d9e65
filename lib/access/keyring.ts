/** API keys: made, looked up in constant time; only hashes are kept. */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { type KeyRow, newId, now, type Scope, type Store } from "@/lib/store/mod.ts";

/** Name of the key that comes from MCGIP_API_KEY. */
const environment = "environment";
const everything: Scope[] = ["read", "write", "admin"];

const hashOf = (key: string) => createHash("sha256").update(key).digest("hex");

export class Keyring {
  #rows: KeyRow[];
  /** The key that this start made, to be shown once. */
  readonly created?: string;

  /** With `apiKey` that key is valid from now on; without any key one is made. */
  constructor(readonly store: Store, apiKey?: string) {
    store.db.transaction(() => {
      // A key that is no longer set has no power any more.
      for (const row of store.keys.all()) {
        if (row.name === environment) store.keys.remove(row.id);
      }
      if (apiKey !== undefined) this.#insert(environment, apiKey, everything);
    });
    this.#rows = store.keys.all();
    if (this.#rows.length === 0) this.created = this.make("first", everything).key;
  }

  #insert(name: string, key: string, scopes: Scope[]): KeyRow {
    return this.store.keys.insert({
      id: newId("key"),
      name,
      hash: hashOf(key),
      scopes,
      created_at: now(),
    });
  }

  /** A new key; only its hash stays. */
  make(name: string, scopes: Scope[]): { key: string; row: KeyRow } {
    const key = `mcgip_${randomBytes(32).toString("base64url")}`;
    const row = this.#insert(name, key, scopes);
    this.#rows = this.store.keys.all();
    return { key, row };
  }

  /** False when there is no such key. */
  remove(id: string): boolean {
    const removed = this.store.keys.remove(id);
    this.#rows = this.store.keys.all();
    return removed;
  }

  /** Looks at every key, whichever matches. */
  find(key: string): KeyRow | undefined {
    const hash = new TextEncoder().encode(hashOf(key));
    let found: KeyRow | undefined;
    for (const row of this.#rows) {
      if (timingSafeEqual(hash, new TextEncoder().encode(row.hash))) found = row;
    }
    return found;
  }
}
