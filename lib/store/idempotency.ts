/** Answers kept by Idempotency-Key, so that a repeated POST does nothing twice. */
import type { Database } from "./database.ts";
import { now } from "./table.ts";

export interface KeptAnswer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

export type IdempotencyState =
  /** The key is new and now belongs to this request: run it, then `finish` or `forget`. */
  | { state: "new" }
  /** The first request with this key still runs. */
  | { state: "running" }
  /** The key came with another request before. */
  | { state: "mismatch" }
  | { state: "finished"; answer: KeptAnswer };

/** Answers are kept so long, hours. */
const KEPT_HOURS = 24;

export class Idempotency {
  constructor(readonly db: Database) {}

  /**
   * Takes or looks up `key` of `owner` (the API key's id); `request` is a digest of method, path
   * and body.
   */
  async begin(owner: string, key: string, request: string): Promise<IdempotencyState> {
    return await this.db.transaction(async () => {
      await this.db.run(
        "DELETE FROM idempotency WHERE owner = ? AND key = ? AND created_at < ?",
        ...[owner, key, oldest()],
      );
      const row = await this.db.get<
        { request: string; status: number | null; headers: string; body: string }
      >("SELECT * FROM idempotency WHERE owner = ? AND key = ?", owner, key);
      if (!row) {
        await this.db.run(
          "INSERT INTO idempotency (owner, key, request, created_at) VALUES (?, ?, ?, ?)",
          owner,
          key,
          request,
          now(),
        );
        return { state: "new" };
      }
      if (row.request !== request) return { state: "mismatch" };
      if (row.status === null) return { state: "running" };
      return {
        state: "finished",
        answer: { status: row.status, headers: JSON.parse(row.headers), body: row.body },
      };
    });
  }

  async finish(owner: string, key: string, answer: KeptAnswer): Promise<void> {
    await this.db.run(
      "UPDATE idempotency SET status = ?, headers = ?, body = ? WHERE owner = ? AND key = ?",
      answer.status,
      JSON.stringify(answer.headers),
      answer.body,
      owner,
      key,
    );
  }

  /** Frees a key whose request did not come to an answer worth keeping. */
  async forget(owner: string, key: string): Promise<void> {
    await this.db.run("DELETE FROM idempotency WHERE owner = ? AND key = ?", owner, key);
  }

  /**
   * Drops answers that are older than a day.
   * @param options.unfinished also keys whose request has made nothing for so many hours: its server has died
   * @returns how many
   */
  async purge({ unfinished }: { unfinished?: number } = {}): Promise<number> {
    if (unfinished === undefined) {
      return await this.db.run("DELETE FROM idempotency WHERE created_at < ?", oldest());
    }
    return await this.db.run(
      "DELETE FROM idempotency WHERE created_at < ? OR (status IS NULL AND created_at <= ?)",
      oldest(),
      new Date(Date.now() - unfinished * 3_600_000).toISOString(),
    );
  }
}

const oldest = () => new Date(Date.now() - KEPT_HOURS * 3_600_000).toISOString();
