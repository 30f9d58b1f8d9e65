/** Workers beside the server's own: they work on its data directory, and any of them may die. */
import type { Database } from "./database.ts";
import { LEASE_MS, leased } from "./lease.ts";

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

  async remove(name: string): Promise<void> {
    await this.db.run(`DELETE FROM workers WHERE name = ? OR NOT ${leased(this.db)}`, name);
  }

  /** How many there are. */
  async count(): Promise<number> {
    return (await this.db.get<{ n: number }>(
      `SELECT count(*) AS n FROM workers WHERE ${leased(this.db)}`,
    ))!.n;
  }
}
