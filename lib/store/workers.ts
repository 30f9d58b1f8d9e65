/**
 * Workers that live: those beside a server, on its data directory or over a link; and in a cluster servers' own, too.
 * Any of them may die: its row then ends with its lease.
 */
import type { Database } from "./database.ts";
import { LEASE_MS, leased } from "./lease.ts";
import { Owners } from "./owners.ts";
import { now } from "./table.ts";

/** As owners know a worker. */
const thingOf = (name: string) => `worker:${name}`;

/** What a worker tells of itself; nothing of it says who its user is. */
export interface WorkerAbout {
  /** What people call it: its machine's name, or one that it was given. */
  label: string;
  /** Of its program. */
  version: string;
  place: "server" | "beside" | "linked";
  /** Its adapter, what WebGPU goes through, and without an adapter a hint; null before it has said. */
  device: Record<string, unknown> | null;
  /** Bytes. */
  memory: number;
  gpu_memory: number;
}

/** All but its name and its age may be unknown, where a server of before has noted it. */
export interface WorkerRow extends Partial<Omit<WorkerAbout, "label" | "version">> {
  name: string;
  label: string | null;
  version: string | null;
  /** When it was heard of first. */
  since: string | null;
  /** Milliseconds since it was heard of last, by the database's clock. */
  silent_ms: number;
  /** Id of the job that it runs. */
  job: string | null;
  /** Name of the key that it came with; null without one. */
  key: string | null;
}

export class Workers {
  constructor(readonly db: Database) {}

  /**
   * Takes a worker for alive from now on, until its lease ends.
   * @param about.label what it is to be called
   * @returns what it is called, as nobody else that lives: `box`, or `box#2` where an older one is called so; null
   *   where it has not said
   */
  async hold(name: string, about?: WorkerAbout): Promise<string | null> {
    const { clock } = this.db;
    const { label = null, version = null, ...more } = about ?? {};
    await this.db.run(
      `INSERT INTO workers (name, lease_until, label, version, since, about)
       VALUES (?, ${clock} + ${LEASE_MS}, ?, ?, ?, ?)
       ON CONFLICT (name) DO UPDATE SET lease_until = excluded.lease_until,
         label = CASE WHEN workers.label LIKE excluded.label || '#%' THEN workers.label
           ELSE coalesce(excluded.label, workers.label) END,
         version = coalesce(excluded.version, workers.version),
         since = coalesce(workers.since, excluded.since),
         about = coalesce(excluded.about, workers.about)`,
      ...[name, label, version, now(), about ? JSON.stringify(more) : null],
    );
    return label === null ? null : await this.#tellApart(name, label);
  }

  /** Of several that ask at the same time each gives way to those that are older, here or with its next lease. */
  async #tellApart(name: string, wanted: string): Promise<string> {
    const living = await this.db.all<{ name: string; label: string | null; since: string | null }>(
      `SELECT name, label, since FROM workers WHERE ${leased(this.db)}`,
    );
    const age = (row: { since: string | null; name: string }) => `${row.since ?? ""} ${row.name}`;
    const own = living.find((row) => row.name === name);
    const label = own?.label ?? wanted;
    const others = living.filter((row) => row.name !== name);
    const first = !others.some((row) => row.label === label && (!own || age(row) < age(own)));
    if (first) return label;
    const taken = new Set(others.map((row) => row.label));
    let n = 2;
    while (taken.has(`${wanted}#${n}`)) n++;
    const other = `${wanted}#${n}`;
    await this.db.run("UPDATE workers SET label = ? WHERE name = ?", other, name);
    return other;
  }

  /** Those that live, by name. */
  async list(): Promise<WorkerRow[]> {
    const rows = await this.db.all<WorkerRow & { about: string | null }>(
      `SELECT workers.name, label, version, since, about, keys.name AS key,
         ${this.db.clock} + ${LEASE_MS} - lease_until AS silent_ms,
         (SELECT min(id) FROM jobs WHERE worker = workers.name AND state = 'running') AS job
       FROM workers LEFT JOIN owners ON thing = '${thingOf("")}' || workers.name
         LEFT JOIN keys ON keys.id = key_id
       WHERE ${leased(this.db)} ORDER BY workers.name`,
    );
    return rows.map(({ about, ...row }) => ({ ...row, ...(about && JSON.parse(about)) }));
  }

  /**
   * Keeps a name for the key that a worker elsewhere comes with, whichever server it comes to.
   * @param key_id null without keys: nobody can be told from another then
   * @returns false while one of this name is alive that came with another key, or that needed none
   */
  async take(name: string, key_id: string | null): Promise<boolean> {
    if (key_id === null) return true;
    const owners = new Owners(this.db);
    const thing = thingOf(name);
    return await this.db.transaction(async () => {
      const owner = await owners.of(thing);
      if (owner === key_id) return true;
      const alive = await this.db.get(
        `SELECT 1 FROM workers WHERE name = ? AND ${leased(this.db)}`,
        name,
      );
      if (alive) return false;
      await owners.forget(thing);
      await owners.note(thing, key_id);
      return await owners.of(thing) === key_id;
    });
  }

  async remove(name: string): Promise<void> {
    await this.db.run(`DELETE FROM workers WHERE name = ? OR NOT ${leased(this.db)}`, name);
    await this.db.run(
      `DELETE FROM owners WHERE thing LIKE 'worker:%'
       AND substr(thing, ${thingOf("").length + 1}) NOT IN (SELECT name FROM workers)`,
    );
  }

  /** How many there are. */
  async count(): Promise<number> {
    return (await this.db.get<{ n: number }>(
      `SELECT count(*) AS n FROM workers WHERE ${leased(this.db)}`,
    ))!.n;
  }
}
