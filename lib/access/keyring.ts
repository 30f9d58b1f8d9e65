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
  static async open(store: Store, apiKey?: string): Promise<Keyring> {
    const keyring = new Keyring(store);
    await store.db.transaction(async () => {
      const hash = apiKey === undefined ? undefined : hashOf(apiKey);
      let known = false;
      for (const row of (await store.keys.all()).filter(({ name }) => name === environment)) {
        if (row.hash === hash && !known) known = true;
        // A key that is no longer set has no power any more; in a cluster another server may have it still.
        else if (apiKey !== undefined || !store.cluster) await store.keys.remove(row.id);
      }
      if (apiKey !== undefined && !known) await keyring.#insert(environment, apiKey, everything);
    });
    keyring.#rows = await store.keys.all();
    if (!keyring.#rows.some(({ scopes }) => scopes.includes("admin"))) {
      const { key, row } = await keyring.make("first", everything);
      keyring.created = key;
      keyring.#createdId = row.id;
    }
    return keyring;
  }

  /** Reads the keys anew: another server may have made or removed some. */
  async reload(): Promise<void> {
    this.#rows = await this.store.keys.all();
  }

  /** Keys with the scope `admin` beside the one that the environment sets. */
  otherAdmins(): number {
    return this.#rows.filter(({ name, scopes }) => name !== environment && scopes.includes("admin"))
      .length;
  }

  async #insert(name: string, key: string, scopes: Scope[]): Promise<KeyRow> {
    return await this.store.keys.insert({
      id: newId("key"),
      name,
      hash: hashOf(key),
      scopes,
      created_at: now(),
    });
  }

  /** A new key; only its hash stays. */
  async make(name: string, scopes: Scope[]): Promise<{ key: string; row: KeyRow }> {
    const key = `mcgip_${randomBytes(32).toString("base64url")}`;
    const row = await this.#insert(name, key, scopes);
    this.#rows = await this.store.keys.all();
    return { key, row };
  }

  /** Removes the key that this start made, where nobody was shown it. */
  async forgetCreated(): Promise<void> {
    if (this.#createdId !== undefined) await this.remove(this.#createdId);
  }

  /** False when there is no such key. */
  async remove(id: string): Promise<boolean> {
    const removed = await this.store.keys.remove(id);
    this.#rows = await this.store.keys.all();
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
