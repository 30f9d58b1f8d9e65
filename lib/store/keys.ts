/** API keys; only their hashes are kept. */
import type { Database } from "./database.ts";
import { Table } from "./table.ts";

export const scopes = ["read", "write", "admin"] as const;
export type Scope = (typeof scopes)[number];

export interface KeyRow {
  id: string;
  name: string;
  /** SHA-256 of the key, hexadecimal. */
  hash: string;
  scopes: Scope[];
  created_at: string;
}

export class Keys extends Table<KeyRow> {
  constructor(db: Database) {
    super(db, { table: "keys", noun: "key", json: ["scopes"] });
  }

  /** All keys, for a comparison that takes the same time for each. */
  async all(): Promise<KeyRow[]> {
    return await this.select([], "ORDER BY id");
  }
}
