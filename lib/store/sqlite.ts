/**
 * SQLite: one connection that writes, and one that reads what is committed. A transaction awaits what it does, so
 * others may come in between: those that write wait for their turn, and those that read see nothing of it.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Database, SqlRow, SqlValue } from "./database.ts";
import { versions } from "./migrations.ts";
import { newerSchema } from "./newer_schema.ts";
import { emptyLog, isLong } from "./log_thread.ts";
import { assertSound, orDamagedDatabase } from "./sound_database.ts";

/** Before 3.51.3 a WAL reset could lose committed pages. */
const oldestSqlite = [3, 51, 3];
/** Statements kept: those that take lists have a text for each length. */
const KEPT_STATEMENTS = 256;
/** A thread that imports may write for seconds on a busy machine; below the 20 s of a silent worker. */
const BUSY_MS = 15_000;
/** How long at most between two looks whether that other has ended, ms. */
const LONGEST_WAIT_MS = 20;
/** What can wait waits no longer for others. */
const PATIENCE_MS = 20;

/** A connection with its statements. */
class Connection {
  readonly db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(path: string, options: { readOnly: boolean }) {
    this.db = new DatabaseSync(path, options);
    this.db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
  }

  prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement) this.#statements.delete(sql);
    else statement = this.db.prepare(sql);
    // The newest is the last.
    this.#statements.set(sql, statement);
    if (this.#statements.size > KEPT_STATEMENTS) {
      this.#statements.delete(this.#statements.keys().next().value!);
    }
    return statement;
  }

  close(): void {
    this.#statements.clear();
    this.db.close();
  }
}

/** A transaction under way, as those see it who are called in it. */
interface Transaction {
  open: boolean;
}

export class Sqlite implements Database {
  readonly dialect = "sqlite";
  readonly clock = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";
  readonly orderedJoin = "CROSS JOIN";
  // Only one writes at a time.
  readonly forUpdate = "";
  readonly forUpdateOfFree = "";
  readonly #path: string;
  readonly #writer: Connection;
  readonly #reader: Connection;
  readonly #inside = new AsyncLocalStorage<Transaction>();
  /** Resolves when nobody writes. */
  #turn: Promise<void> = Promise.resolve();

  /**
   * @param how.check looks at every page first
   * @param how.readOnly takes it as it is; what would write to it throws
   */
  private constructor(path: string, { check = false, readOnly = false } = {}) {
    this.#path = path;
    this.#writer = new Connection(path, { readOnly });
    try {
      if (!readOnly) orDamagedDatabase(path, () => this.#open(path, check));
    } catch (error) {
      this.#writer.close();
      throw error;
    }
    this.#reader = new Connection(path, { readOnly: true });
  }

  #open(path: string, check: boolean): void {
    const { db } = this.#writer;
    const { version } = db.prepare("SELECT sqlite_version() AS version").get() as {
      version: string;
    };
    if (isOlder(version)) {
      throw new Error(
        `Cannot use SQLite ${version}: at least ${oldestSqlite.join(".")} is needed`,
      );
    }
    // secure_delete: what a user deletes is not to be found in free pages.
    db.exec(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON",
    );
    // Of the server itself no commit is to bring a long log into the database: `forgetDeleted` does.
    if (check) db.exec("PRAGMA wal_autocheckpoint = 0");
    if (check) assertSound(db, path);
    migrate(db, path);
    // From now on who writes waits without keeping the thread, see `#begin`.
    db.exec("PRAGMA busy_timeout = 0");
  }

  /**
   * Opens or creates the file at `path`, and brings an older one up.
   * @param options.check looks at every page first
   * @throws {Damaged} for a file that is damaged
   */
  static open(path: string, { check = false }: { check?: boolean } = {}): Promise<Sqlite> {
    return Promise.try(() => new Sqlite(path, { check }));
  }

  /** Opens the file at `path` to read it as it is, of whatever schema; SQLite may make its log beside it. */
  static look(path: string): Sqlite {
    return new Sqlite(path, { readOnly: true });
  }

  /** The transaction that the caller is in. */
  get #transaction(): Transaction | undefined {
    const transaction = this.#inside.getStore();
    if (transaction && !transaction.open) {
      throw new Error(
        "Cannot use the database: the transaction has ended; its body did not await this",
      );
    }
    return transaction;
  }

  #prepare(sql: string): StatementSync {
    return (this.#transaction ? this.#writer : this.#reader).prepare(sql);
  }

  all<T = SqlRow>(sql: string, ...values: SqlValue[]): Promise<T[]> {
    return Promise.try(() => this.#prepare(sql).all(...values) as T[]);
  }

  get<T = SqlRow>(sql: string, ...values: SqlValue[]): Promise<T | undefined> {
    return Promise.try(() => this.#prepare(sql).get(...values) as T | undefined);
  }

  async run(sql: string, ...values: SqlValue[]): Promise<number> {
    const write = () => Number(this.#writer.prepare(sql).run(...values).changes);
    if (this.#transaction) return write();
    return await this.transaction(() => Promise.try(write));
  }

  async transaction<T>(body: () => Promise<T>): Promise<T> {
    if (this.#transaction) return await body();
    const done = await this.#enter();
    const transaction: Transaction = { open: true };
    const { db } = this.#writer;
    try {
      await this.#begin();
      try {
        const result = await this.#inside.run(transaction, body);
        db.exec("COMMIT");
        return result;
      } catch (error) {
        // After a full disk SQLite may have rolled back on its own.
        try {
          db.exec("ROLLBACK");
        } catch { /* nothing left to undo */ }
        throw error;
      }
    } finally {
      transaction.open = false;
      done();
    }
  }

  /** Begins to write; waits, and lets the thread do something else, while another process or thread writes. */
  async #begin(): Promise<void> {
    const end = performance.now() + BUSY_MS;
    for (let wait = 1;; wait = Math.min(2 * wait, LONGEST_WAIT_MS)) {
      try {
        return this.#writer.db.exec("BEGIN IMMEDIATE");
      } catch (error) {
        const busy = error instanceof Error && /database is locked/.test(error.message);
        if (!busy || performance.now() > end) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }

  /** Waits until nobody writes; the others wait until the function that it resolves with is called. */
  async #enter(): Promise<() => void> {
    const before = this.#turn;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turn = promise;
    await before;
    return resolve;
  }

  async forgetDeleted(): Promise<boolean> {
    if (this.#transaction) return false;
    const done = await this.#enter();
    const { db } = this.#writer;
    try {
      if (isLong(this.#path)) return await emptyLog(this.#path);
      db.exec(`PRAGMA busy_timeout = ${PATIENCE_MS}`);
      return db.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get()!.busy === 0;
    } catch (error) {
      if (/locked|busy/.test((error as Error).message)) return false;
      throw error;
    } finally {
      db.exec("PRAGMA busy_timeout = 0");
      done();
    }
  }

  async close(): Promise<void> {
    const done = await this.#enter();
    this.#reader.close();
    this.#writer.close();
    done();
  }
}

/** @throws {Error} when the file is a newer server's */
function migrate(db: DatabaseSync, path: string): void {
  db.exec("BEGIN IMMEDIATE");
  try {
    const { user_version } = db.prepare("PRAGMA user_version").get() as { user_version: number };
    if (user_version > versions.length) {
      throw newerSchema(`open ${path}`, dirname(path), user_version);
    }
    versions.slice(user_version).forEach((sql, i) =>
      db.exec(`${sql}; PRAGMA user_version = ${user_version + i + 1}`)
    );
    db.exec("COMMIT");
  } catch (error) {
    db.exec("ROLLBACK");
    throw error;
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
