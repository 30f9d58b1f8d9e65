/** The queue of one machine: the rows of `jobs` themselves; a claim is a lease by the database's clock. */
import type { Queue, QueuedJob } from "./claims.ts";
import type { Database } from "./database.ts";
import { LEASE_MS, leased } from "./lease.ts";

export class LeaseQueue implements Queue {
  readonly free: string;
  readonly lapsed: string;
  readonly unknown = "FALSE";

  constructor(readonly db: Database) {
    this.free = `(state = 'queued' OR (state = 'running' AND NOT ${leased(db)}))`;
    this.lapsed = `(state = 'running' AND lease_until IS NOT NULL AND NOT ${leased(db)})`;
  }

  /** The row says it all. */
  send(): Promise<void> {
    return Promise.resolve();
  }

  async take({ id }: QueuedJob): Promise<boolean> {
    const until = `${this.db.clock} + ${LEASE_MS}`;
    return await this.db.run(`UPDATE jobs SET lease_until = ${until} WHERE id = ?`, id) > 0;
  }

  /** What a process of its name ran before stays free. */
  async hold(worker: string): Promise<void> {
    await this.db.run(
      `UPDATE jobs SET lease_until = ${this.db.clock} + ${LEASE_MS}
       WHERE worker = ? AND state = 'running' AND lease_until IS NOT NULL`,
      worker,
    );
  }

  /** The claim stands as long as its row says so, whatever the lease. */
  async end(job: QueuedJob): Promise<void> {
    await this.release(job);
  }

  async release({ id }: QueuedJob): Promise<void> {
    await this.db.run("UPDATE jobs SET lease_until = NULL WHERE id = ?", id);
  }

  async withdraw(job: QueuedJob): Promise<void> {
    await this.release(job);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
