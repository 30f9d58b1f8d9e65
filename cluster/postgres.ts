/**
 * PostgreSQL as the store uses it: a pool of connections; a transaction holds one of them, and calls within it
 * find it by the asynchronous context. Values come back as SQLite gives them: numbers, text, and JSON as its
 * text.
 */
import { AsyncLocalStorage } from "node:async_hooks";
// @ts-types="./pg.d.ts"
import pg from "pg";
import type { DatabaseSettings } from "@/lib/cluster_settings.ts";
import { Unavailable } from "@/lib/errors.ts";
import type { Database, SqlRow, SqlValue } from "@/lib/store/database.ts";

/** https://www.postgresql.org/docs/15/errcodes-appendix.html: the transaction met another, and may pass next time. */
const SERIALIZATION_FAILURE = "40001";
const DEADLOCK = "40P01";
/**
 * Two have computed the same next number, or two have made the same name. The next try sees what the other has
 * written: when it meets the same key again, it is the name that is taken.
 */
const UNIQUE_VIOLATION = "23505";
const REPEATED = [SERIALIZATION_FAILURE, DEADLOCK, UNIQUE_VIOLATION];
const MOST_TRIES = 20;

/** Statements that are kept by name; texts with numbers in them could be without end. */
const MOST_NAMED = 500;

const OIDS = { bool: 16, int8: 20, json: 114, numeric: 1700 };
const types = {
  getTypeParser(oid: number, format?: "text" | "binary") {
    if (oid === OIDS.int8 || oid === OIDS.numeric) return Number;
    if (oid === OIDS.json) return (text: string) => text;
    if (oid === OIDS.bool) return (text: string) => text === "t" ? 1 : 0;
    return pg.types.getTypeParser(oid, format);
  },
};

/** A transaction under way. */
interface Open {
  client: pg.PoolClient;
  over: boolean;
}

export interface PostgresOptions {
  /** Most connections. */
  connections?: number;
  /** A statement that takes longer is given up, ms. */
  patience?: number;
}

export class Postgres implements Database {
  readonly dialect = "postgres";
  /** An expression for the database's clock: whole milliseconds since 1970. */
  readonly clock = "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)";
  /** A join; PostgreSQL finds the order of its tables by itself. */
  readonly orderedJoin = "JOIN";
  readonly forUpdate = "FOR UPDATE";
  readonly forUpdateOfFree = "FOR UPDATE SKIP LOCKED";
  readonly address: string;
  readonly schema: string;
  /** Transactions that had to be run again. */
  repeated = 0;
  readonly #pool: pg.Pool;
  readonly #inside = new AsyncLocalStorage<Open>();
  readonly #prepared = new Map<string, { text: string; name?: string }>();
  /** Grows when what was prepared is not good any more. */
  #generation = 0;

  /** Connects at the first statement. */
  constructor(
    { address, schema }: DatabaseSettings,
    { connections = 10, patience = 30_000 }: PostgresOptions = {},
  ) {
    this.address = address;
    this.schema = schema;
    this.#pool = new pg.Pool({
      ...connection(this.address, this.schema),
      query_timeout: patience,
      max: connections,
      idleTimeoutMillis: 60_000,
    });
    // Those that break are replaced; whoever uses one hears of it by its next statement.
    this.#pool.on("error", () => {});
    this.#pool.on("connect", (client) => client.on("error", () => {}));
  }

  /** A statement in PostgreSQL's own writing (`$1`), in the transaction that is open here. */
  async query(text: string, values: unknown[] = [], name?: string): Promise<pg.QueryResult> {
    const open = this.#inside.getStore();
    if (open?.over) throw new Error("Cannot ask the database: the transaction here has ended");
    try {
      return await (open?.client ?? this.#pool).query({ text, values, name });
    } catch (error) {
      if (isOutdated(error)) {
        this.#prepared.clear();
        this.#generation++;
        if (!open) return await this.query(text, values);
      }
      // Within a transaction its end decides.
      throw open ? error : asUnavailable(error);
    }
  }

  /** `?` becomes `$1`, `$2`, ..., and a list without entries, which SQLite knows, one in which nothing is. */
  #prepare(sql: string): { text: string; name?: string } {
    let prepared = this.#prepared.get(sql);
    if (!prepared) {
      let n = 0;
      const text = sql.replace(
        /'[^']*'|\?|\bIN \(\)/g,
        (found) => found === "?" ? `$${++n}` : found === "IN ()" ? "IN (NULL)" : found,
      );
      const { size } = this.#prepared;
      if (size >= MOST_NAMED) return { text };
      this.#prepared.set(sql, prepared = { text, name: `s${this.#generation}_${size}` });
    }
    return prepared;
  }

  async all<T = SqlRow>(sql: string, ...values: SqlValue[]): Promise<T[]> {
    const { text, name } = this.#prepare(sql);
    return (await this.query(text, values, name)).rows;
  }

  async get<T = SqlRow>(sql: string, ...values: SqlValue[]): Promise<T | undefined> {
    return (await this.all<T>(sql, ...values))[0];
  }

  /** Runs a writing statement; the number of rows it changed. */
  async run(sql: string, ...values: SqlValue[]): Promise<number> {
    const { text, name } = this.#prepare(sql);
    return (await this.query(text, values, name)).rowCount ?? 0;
  }

  /**
   * Runs `body` in one transaction (or in the one that is open); an error undoes it all. Where it met another
   * transaction, `body` runs again on what that has left: it must do nothing but ask this database.
   * @throws {Unavailable} when the database is away
   */
  async transaction<T>(body: () => Promise<T>): Promise<T> {
    if (this.#inside.getStore()) return await body();
    let met: string | undefined;
    for (let tries = 1;; tries++) {
      try {
        return await this.#once(body);
      } catch (error) {
        const { code = "", detail } = error as { code?: string; detail?: string };
        const taken = code === UNIQUE_VIOLATION && detail === met;
        const again = (REPEATED.includes(code) && !taken) || isOutdated(error);
        if (!again || tries === MOST_TRIES) throw asUnavailable(error);
        met = code === UNIQUE_VIOLATION ? detail : undefined;
        this.repeated++;
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 5 * tries));
      }
    }
  }

  async #once<T>(body: () => Promise<T>): Promise<T> {
    const client = await this.#pool.connect();
    const open: Open = { client, over: false };
    let broken: Error | undefined;
    try {
      // READ COMMITTED loses updates that are computed from what was read.
      await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
      const result = await this.#inside.run(open, body);
      open.over = true;
      await client.query("COMMIT");
      return result;
    } catch (error) {
      open.over = true;
      await client.query("ROLLBACK").catch((error) => broken = error);
      throw error;
    } finally {
      client.release(broken);
    }
  }

  /** Deleted rows leave PostgreSQL's files by its own vacuum. */
  forgetDeleted(): Promise<boolean> {
    return Promise.resolve(true);
  }

  /** Ends every connection; those under way are waited for. */
  async close(): Promise<void> {
    await this.#pool.end();
  }
}

/** A newer server has added columns: statements that were prepared with `*` are refused from then on. */
function isOutdated(error: unknown): boolean {
  const { code, message } = error as { code?: string; message?: string };
  return code === "0A000" && /cached plan/.test(message ?? "");
}

/** What every connection to the store's schema has. */
export function connection(address: string, schema: string): pg.ClientConfig {
  const settings = {
    search_path: schema,
    // A process that was frozen within a transaction keeps nobody waiting for long: nothing but SQL is done there.
    idle_in_transaction_session_timeout: 5_000,
    lock_timeout: 15_000,
  };
  return {
    connectionString: address,
    types,
    options: Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`).join(" "),
    application_name: "mcgip",
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
  };
}

/** Codes of Node and of pg for a server that is not there or goes. */
const AWAY =
  /^(ECONN|EPIPE|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|08|25P03|57P0[1-5]|53300|55P03)/;
/** Of errors without a code. */
const AWAY_TEXT =
  /connection terminated|timeout exceeded when trying to connect|query read timeout|connection ended|not queryable/i;

export function isAway(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.every(isAway);
  const { code, message } = error as { code?: unknown; message?: string };
  return AWAY.test(String(code ?? "")) || AWAY_TEXT.test(message ?? "");
}

/** The same error, or Unavailable where the database is away. */
export function asUnavailable(error: unknown): unknown {
  if (!isAway(error)) return error;
  const { code, message } = error as { code?: string; message: string };
  return new Unavailable(`Cannot ask the database: it is away (${code ?? message})`);
}
