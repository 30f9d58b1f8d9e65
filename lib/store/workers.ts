/** Workers beside the server's own: they work on its data directory, and any of them may die. */
import type { Database } from "./database.ts";
import { LEASE_MS, leased } from "./lease.ts";
import { Owners } from "./owners.ts";

/** As owners know a worker. */
const thingOf = (name: string) => `worker:${name}`;

export class Workers {
  constructor(readonly db: Database) {}

  /** Takes a worker for alive from now on, until its lease ends. */
  async hold(name: string): Promise<void> {
    const { clock } = this.db;
    await this.db.run(
      `INSERT INTO workers (name, lease_until) VALUES (?, ${clock} + ${LEASE_MS})
       ON CONFLICT (name) DO UPDATE SET lease_until = excluded.lease_until`,
      name,
    );
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
