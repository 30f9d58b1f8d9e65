/** API keys: made, looked up in constant time; only hashes are kept. */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { type KeyRow, newId, now, type Scope, type Store } from "@/lib/store/mod.ts";

/** Name of the key that comes from MCGIP_API_KEY. */
const environment = "environment";
const everything: Scope[] = ["read", "write", "admin"];

const hashOf = (key: string) => createHash("sha256").update(key).digest("hex");

export class Keyring {
  #rows: KeyRow[] = [];
  /** The key that this start made, to be shown once. */
  created?: string;
  #createdId?: string;

  private constructor(readonly store: Store) {}

  /**
   * With `apiKey` that key is valid from now on, under the same id for as long as it is set: answers are kept
   * by it. Where nobody could make or remove keys (none has the scope `admin`), one that can is made.
   */
  static open(store: Store, apiKey?: string): Keyring {
    const keyring = new Keyring(store);
    store.db.transaction(() => {
      const hash = apiKey === undefined ? undefined : hashOf(apiKey);
      let known = false;
      for (const row of store.keys.all().filter(({ name }) => name === environment)) {
        if (row.hash === hash && !known) known = true;
        // A key that is no longer set has no power any more.
        else store.keys.remove(row.id);
      }
      if (apiKey !== undefined && !known) keyring.#insert(environment, apiKey, everything);
    });
    keyring.#rows = store.keys.all();
    if (!keyring.#rows.some(({ scopes }) => scopes.includes("admin"))) {
      const { key, row } = keyring.make("first", everything);
      keyring.created = key;
      keyring.#createdId = row.id;
    }
    return keyring;
  }

  /** Keys with the scope `admin` beside the one that the environment sets. */
  otherAdmins(): number {
    return this.#rows.filter(({ name, scopes }) => name !== environment && scopes.includes("admin"))
      .length;
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

  /** Removes the key that this start made, where nobody was shown it. */
  forgetCreated(): void {
    if (this.#createdId !== undefined) this.remove(this.#createdId);
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
