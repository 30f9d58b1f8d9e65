/** SQLite as the store uses it: prepared statements kept, transactions nested into the outermost. */
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { assertSound, orDamagedDatabase } from "./sound_database.ts";
import binding from "./binding.sql" with { type: "text" };
import keyLimits from "./key_limits.sql" with { type: "text" };
import names from "./names.sql" with { type: "text" };
import reports from "./reports.sql" with { type: "text" };
import schema from "./schema.sql" with { type: "text" };
import studies from "./studies.sql" with { type: "text" };
import tuning from "./tuning.sql" with { type: "text" };

/** Before 3.51.3 a WAL reset could lose committed pages. */
const oldestSqlite = [3, 51, 3];
/** Each brings a file of the version before to its own: from 0, an empty file, to 1 and so on. */
const versions = [schema, studies, tuning, names, reports, binding, keyLimits];

/** A thread that imports may write for seconds on a busy machine; below the 15 s of a silent worker. */
const BUSY_MS = 15_000;
/** What can wait waits no longer for others. */
const PATIENCE_MS = 20;

/** The schema that this program makes. */
export const knownVersion = versions.length;

export type SqlValue = SQLInputValue;
export type SqlRow = Record<string, SqlValue>;

export class Database {
  readonly #connection: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #depth = 0;

  /**
   * Opens or creates the file at `path`, and brings an older one up.
   * @param options.check looks at every page first
   * @throws {Damaged} for a file that is damaged
   * @throws {Error} when SQLite or the file's schema does not fit
   */
  constructor(path: string, { check = false }: { check?: boolean } = {}) {
    this.#connection = new DatabaseSync(path);
    try {
      orDamagedDatabase(path, () => this.#open(path, check));
    } catch (error) {
      this.#connection.close();
      throw error;
    }
  }

  #open(path: string, check: boolean): void {
    this.#connection.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
    const { version } = this.get("SELECT sqlite_version() AS version") as { version: string };
    if (isOlder(version)) {
      throw new Error(
        `Cannot use SQLite ${version}: at least ${oldestSqlite.join(".")} is needed`,
      );
    }
    // secure_delete: what a user deletes is not to be found in free pages.
    this.#connection.exec(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON",
    );
    if (check) assertSound(this, path);
    this.#migrate(path);
  }

  #migrate(path: string): void {
    this.transaction(() => {
      const { user_version } = this.get("PRAGMA user_version") as { user_version: number };
      if (user_version > versions.length) {
        throw new Error(
          `Cannot open ${path}: its schema is version ${user_version}, this server knows ${versions.length}`,
        );
      }
      versions.slice(user_version).forEach((sql, i) =>
        this.#connection.exec(`${sql}; PRAGMA user_version = ${user_version + i + 1}`)
      );
    });
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) this.#statements.set(sql, statement = this.#connection.prepare(sql));
    return statement;
  }

  all<T = SqlRow>(sql: string, ...values: SqlValue[]): T[] {
    return this.#prepare(sql).all(...values) as T[];
  }

  get<T = SqlRow>(sql: string, ...values: SqlValue[]): T | undefined {
    return this.#prepare(sql).get(...values) as T | undefined;
  }

  /** Runs a writing statement; the number of rows it changed. */
  run(sql: string, ...values: SqlValue[]): number {
    return Number(this.#prepare(sql).run(...values).changes);
  }

  /** Runs `body` in one write transaction (or in the one that is open); an error undoes it all. */
  transaction<T>(body: () => T): T {
    if (this.#depth > 0) return body();
    this.#connection.exec("BEGIN IMMEDIATE");
    this.#depth++;
    try {
      const result = body();
      this.#connection.exec("COMMIT");
      return result;
    } catch (error) {
      // After a full disk SQLite may have rolled back on its own.
      try {
        this.#connection.exec("ROLLBACK");
      } catch { /* nothing left to undo */ }
      throw error;
    } finally {
      this.#depth--;
    }
  }

  /**
   * Empties the write-ahead log into the database, where deleted rows are overwritten: nothing of them is in a file
   * afterwards.
   * @returns false while others read what is older, or write
   */
  emptyLog(): boolean {
    if (this.#depth > 0) return false;
    this.#connection.exec(`PRAGMA busy_timeout = ${PATIENCE_MS}`);
    try {
      return this.get<{ busy: number }>("PRAGMA wal_checkpoint(TRUNCATE)")!.busy === 0;
    } catch (error) {
      if (/locked|busy/.test((error as Error).message)) return false;
      throw error;
    } finally {
      this.#connection.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
    }
  }

  close(): void {
    this.#statements.clear();
    this.#connection.close();
  }
}

/** Whether the runtime's SQLite is one that the store may be trusted to. */
export function sqliteFits(): boolean {
  const connection = new DatabaseSync(":memory:");
  try {
    const { version } = connection.prepare("SELECT sqlite_version() AS version").get()!;
    return !isOlder(version as string);
  } finally {
    connection.close();
  }
}

function isOlder(version: string): boolean {
  const parts = version.split(".").map(Number);
  for (let i = 0; i < oldestSqlite.length; i++) {
    if (parts[i] !== oldestSqlite[i]) return (parts[i] ?? 0) < oldestSqlite[i];
  }
  return false;
}
