/** API keys; only their hashes are kept. */
import type { Database } from "./database.ts";
import { now, Table } from "./table.ts";

export const scopes = ["read", "write", "admin", "work"] as const;
export type Scope = (typeof scopes)[number];

/** Bounds of a key; null is none. */
export interface KeyLimits {
  /** After it the key is refused. */
  expires_at: string | null;
  /** Requests a second, over a longer time. */
  rate: number | null;
  /** Requests at once, before `rate` counts. */
  burst: number | null;
  /** Bytes that may be stored. */
  max_bytes: number | null;
  /** Jobs that may wait, run or pause at a time. */
  max_jobs: number | null;
}

export interface KeyRow extends KeyLimits {
  id: string;
  name: string;
  /** SHA-256 of the key, hexadecimal. */
  hash: string;
  scopes: Scope[];
  created_at: string;
  /** Exact to a minute; null before the first use. */
  last_used_at: string | null;
}

export class Keys extends Table<KeyRow> {
  constructor(db: Database) {
    super(db, { table: "keys", noun: "key", json: ["scopes"] });
  }

  /** All keys, for a comparison that takes the same time for each. */
  async all(): Promise<KeyRow[]> {
    return await this.select([], "ORDER BY id");
  }

  async used(id: string): Promise<void> {
    await this.update(id, { last_used_at: now() });
  }
}
