/** API keys: made, changed, looked up in constant time; only hashes are kept. Somebody can always make keys. */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { Conflict, InvalidInput, isDiskFull, NotFound } from "@/lib/errors.ts";
import { type KeyRow, newId, now, type Scope, type Store } from "@/lib/store/mod.ts";
import { environment, type KeyChanges, type KeyRequest } from "./key.ts";

const everything: Scope[] = ["read", "write", "admin"];

/** Keys are also changed by `deno task keys`, in another process: after this time, ms, that counts. */
const FRESH_MS = 1_000;
/** How exactly the last use of a key is known, ms. */
const USED_MS = 60_000;

const hashOf = (key: string) => createHash("sha256").update(key).digest("hex");

const unlimited = { expires_at: null, rate: null, burst: null, max_bytes: null, max_jobs: null };

/** For so long, ms, a cluster takes a server for alive that was started with a key of its environment. */
export const ENVIRONMENT_MS = 60_000;
/** How often a living server says so, ms. */
const HOLD_MS = 15_000;
/** A server that is started again with its key within this time, ms, finds it under its id. */
const KEPT_MS = 7 * 86_400_000;

/** Whether the key can always make and remove keys: one of an environment for as long as a server has it. */
const stands = (row: KeyRow) =>
  row.scopes.includes("admin") &&
  (row.expires_at === null || (row.name === environment && !hasExpired(row)));

export class Keyring {
  #rows: KeyRow[] = [];
  #read = -Infinity;
  /** The key that this start made, to be shown once. */
  created?: string;
  #createdId?: string;
  /** Of MCGIP_API_KEY, in a cluster: for as long as this server lives it is kept from ending. */
  #environment?: KeyRow;
  #held = -Infinity;

  private constructor(readonly store: Store) {}

  /** The keys of a data directory, as they are. */
  static async of(store: Store): Promise<Keyring> {
    const keyring = new Keyring(store);
    await keyring.reload();
    return keyring;
  }

  /**
   * For a start: with `apiKey` that key is valid from now on, under the same id for as long as it is set: answers are
   * kept by it. On one machine another one ends with that. In a cluster servers may have others, while keys are changed
   * from one server to the next say: each is valid until `ENVIRONMENT_MS` after the last server left that has it. Where
   * nobody could make or remove keys (no key with the scope `admin` stays for good), one that can is made.
   */
  static async open(store: Store, apiKey?: string): Promise<Keyring> {
    let own: KeyRow | undefined;
    await store.db.transaction(async () => {
      const hash = apiKey === undefined ? undefined : hashOf(apiKey);
      for (const row of (await store.keys.all()).filter(({ name }) => name === environment)) {
        if (row.hash === hash && !own) own = row;
        else if (!store.cluster || row.hash === hash || isOver(row)) {
          await store.keys.remove(row.id);
        } // One of a server of before, which knew of no end.
        else if (row.expires_at === null) await store.keys.update(row.id, { expires_at: lease() });
      }
      if (apiKey === undefined) return;
      own ??= await insert(store, apiKey, { name: environment, scopes: everything });
      // A data directory that was in a cluster before.
      if (!store.cluster && own.expires_at !== null) {
        await store.keys.update(own.id, { expires_at: null });
      }
    });
    const keyring = new Keyring(store);
    if (store.cluster) keyring.#environment = own;
    await keyring.hold();
    await keyring.reload();
    if (!keyring.#rows.some(stands)) {
      const { key, row } = await keyring.#make({ name: "first", scopes: everything });
      keyring.created = key;
      keyring.#createdId = row.id;
    }
    return keyring;
  }

  /** Reads the keys anew: another server may have made or removed some. */
  async reload(): Promise<void> {
    const own = this.#environment?.hash;
    // The end of its own counts for the others alone: this server lives.
    this.#rows = (await this.store.keys.all()).map((row) =>
      row.hash === own ? { ...row, expires_at: null } : row
    );
    this.#read = performance.now();
  }

  /**
   * In a cluster: the key of this server's environment stays valid as long as this is called.
   * @param anyway also where it was done lately
   * @throws {Unavailable} while the database is away
   */
  async hold(anyway = false): Promise<void> {
    if (!this.#environment || (!anyway && performance.now() - this.#held < HOLD_MS)) return;
    const row = { ...this.#environment, expires_at: lease() };
    // A server of the version before, which was started with another, has removed it.
    if (await this.store.keys.find(row.id)) {
      await this.store.keys.update(row.id, { expires_at: row.expires_at });
    } else await this.store.keys.insert(row);
    this.#held = performance.now();
  }

  /** Whether other servers of the cluster live, or have lived a minute ago, that have another key of their environment. */
  get otherEnvironment(): boolean {
    return this.#rows.some((row) =>
      row.name === environment && this.#environment !== undefined &&
      row.hash !== this.#environment.hash &&
      !hasExpired(row)
    );
  }

  /** Keys with the scope `admin` beside the one that the environment sets. */
  otherAdmins(): number {
    return this.#rows.filter(({ name, scopes }) => name !== environment && scopes.includes("admin"))
      .length;
  }

  /**
   * A new key; only its hash stays.
   * @throws {InvalidInput} for the name of the environment's key, a time that is over, `burst` without `rate`
   */
  async make(request: KeyRequest): Promise<{ key: string; row: KeyRow }> {
    if (request.name === environment) {
      throw new InvalidInput(
        `Cannot name a key "${environment}": that is the one of MCGIP_API_KEY`,
      );
    }
    check(request, request.expires_at);
    return await this.#make(request);
  }

  async #make(request: KeyRequest): Promise<{ key: string; row: KeyRow }> {
    const key = `mcgip_${randomBytes(32).toString("base64url")}`;
    const row = await insert(this.store, key, request);
    await this.reload();
    return { key, row };
  }

  /**
   * Changes what is chosen of a key; a burst goes with the rate that it was of.
   * @throws {NotFound}, {InvalidInput}; {Conflict} for the environment's key, and where nobody could make keys then
   */
  async change(id: string, chosen: KeyChanges): Promise<KeyRow> {
    const row = await this.store.db.transaction(async () => {
      const before = await this.#changeable(id, "change");
      const without = chosen.rate === null && chosen.burst === undefined && before.burst !== null;
      const changes = without ? { ...chosen, burst: null } : chosen;
      const after = { ...before, ...changes };
      check(after, changes.expires_at);
      await assertAdminStays(this.store, before, after);
      if (Object.keys(changes).length > 0) await this.store.keys.update(id, changes);
      return after;
    });
    await this.reload();
    return row;
  }

  /**
   * Removes a key.
   * @throws {NotFound}; {Conflict} for the environment's key, and where nobody could make keys then
   */
  async remove(id: string): Promise<void> {
    await this.store.db.transaction(async () => {
      await assertAdminStays(this.store, await this.#changeable(id, "remove"));
      await this.store.keys.remove(id);
    });
    await this.reload();
  }

  /** A key that is not the environment's. */
  async #changeable(id: string, doing: string): Promise<KeyRow> {
    const row = await this.store.keys.find(id);
    if (!row) throw new NotFound(`Cannot find key "${id}"`);
    if (row.name !== environment) return row;
    throw new Conflict(
      `Cannot ${doing} the key of MCGIP_API_KEY: start the server without it, or with another`,
    );
  }

  /** Removes the key that this start made, where nobody was shown it. */
  async forgetCreated(): Promise<void> {
    if (this.#createdId === undefined) return;
    await this.store.keys.remove(this.#createdId);
    await this.reload();
  }

  /** Looks at every key, whichever matches; one that has expired is found too. */
  async find(key: string): Promise<KeyRow | undefined> {
    if (performance.now() - this.#read > FRESH_MS) await this.reload();
    const hash = new TextEncoder().encode(hashOf(key));
    let found: KeyRow | undefined;
    for (const row of this.#rows) {
      if (timingSafeEqual(hash, new TextEncoder().encode(row.hash))) found = row;
    }
    return found;
  }

  /**
   * Why a key that was let in before is let in no more; undefined while it is.
   * @throws {Unavailable} while the database is away: nobody knows then
   */
  async objection(id: string, scope: Scope): Promise<string | undefined> {
    if (performance.now() - this.#read > FRESH_MS) await this.reload();
    const row = this.#rows.find((row) => row.id === id);
    if (!row) return "its key was revoked";
    if (hasExpired(row)) return `its key expired at ${row.expires_at}`;
    if (!row.scopes.includes(scope)) return `its key has no longer the scope ${scope}`;
    return undefined;
  }

  /** Notes that a key was used, once a minute; on a full disk it is let be. */
  async used(row: KeyRow): Promise<void> {
    if (row.last_used_at !== null && Date.now() - Date.parse(row.last_used_at) < USED_MS) return;
    row.last_used_at = now();
    try {
      await this.store.keys.used(row.id);
    } catch (error) {
      if (!isDiskFull(error)) throw error;
    }
  }
}

export const hasExpired = ({ expires_at }: KeyRow): boolean =>
  expires_at !== null && Date.parse(expires_at) <= Date.now();

const lease = () => new Date(Date.now() + ENVIRONMENT_MS).toISOString();
const isOver = ({ expires_at }: KeyRow) =>
  expires_at !== null && Date.parse(expires_at) + KEPT_MS <= Date.now();

async function insert(store: Store, key: string, request: KeyRequest): Promise<KeyRow> {
  return await store.keys.insert({
    id: newId("key"),
    ...unlimited,
    ...request,
    hash: hashOf(key),
    created_at: now(),
    last_used_at: null,
  });
}

/**
 * @param row what the key would be
 * @param expires_at when that is chosen now
 * @throws {InvalidInput}
 */
function check({ rate, burst }: KeyRequest, expires_at: string | null | undefined): void {
  if (typeof burst === "number" && typeof rate !== "number") {
    const message = "`rate` is needed beside it: how many come after the burst";
    throw new InvalidInput(`Cannot use burst alone: ${message}`, [{ pointer: "/burst", message }]);
  }
  if (expires_at && Date.parse(expires_at) <= Date.now()) {
    const message = "a time that is still to come is needed";
    throw new InvalidInput(`Cannot use expires_at ${expires_at}: ${message}`, [{
      pointer: "/expires_at",
      message,
    }]);
  }
}

/** @throws {Conflict} when no key that can make keys for good would be left */
async function assertAdminStays(store: Store, before: KeyRow, after?: KeyRow): Promise<void> {
  if (!stands(before) || (after && stands(after))) return;
  if ((await store.keys.all()).some((row) => row.id !== before.id && stands(row))) return;
  throw new Conflict(
    `Cannot do this to key "${before.id}": it is the last one with the scope "admin" that never expires; ` +
      "make another first",
  );
}
