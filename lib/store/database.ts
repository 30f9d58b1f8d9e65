/** SQL as the store uses it: one set of statements for every database that keeps rows. */
export type SqlValue = null | number | bigint | string | Uint8Array;
export type SqlRow = Record<string, SqlValue>;

export interface Database {
  readonly dialect: "sqlite" | "postgres";
  /** An expression for the database's clock: whole milliseconds since 1970. */
  readonly clock: string;
  /** A join whose tables are looked at in the order in which they stand. */
  readonly orderedJoin: string;
  /** At the end of a SELECT in a transaction: nobody else changes its rows before this one is over. */
  readonly forUpdate: string;
  /** The same, without the rows that another transaction has in hand. */
  readonly forUpdateOfFree: string;
  all<T = SqlRow>(sql: string, ...values: SqlValue[]): Promise<T[]>;
  get<T = SqlRow>(sql: string, ...values: SqlValue[]): Promise<T | undefined>;
  /** Runs a writing statement; the number of rows it changed. */
  run(sql: string, ...values: SqlValue[]): Promise<number>;
  /**
   * Runs `body` in one write transaction (or in the one that is open); an error undoes it all. Where the database asks
   * for it the body runs again: it has no effects but SQL. What it calls is awaited in it.
   */
  transaction<T>(body: () => Promise<T>): Promise<T>;
  /**
   * Leaves nothing of deleted rows in any file. Of SQLite it empties the write-ahead log into the database, where they
   * are overwritten; other databases see to it themselves.
   * @returns false while others read what is older, or write
   */
  forgetDeleted(): Promise<boolean>;
  close(): Promise<void>;
}
