/** A database that is looked at from outside: copied, checked, asked for its files; nothing is written to it. */
import { existsSync } from "node:fs";
import { backup, DatabaseSync } from "node:sqlite";
import type { Database, SqlValue } from "./database.ts";
import { assertSound, orDamagedDatabase } from "./sound_database.ts";

/** One place in the rows that refers to a stored file. */
export interface Reference {
  sha256: string;
  /** What the file is of, for people. */
  what: string;
}

/** The same places as the view `file_references`, with what they are. */
export const REFERENCES = `
  SELECT images.file AS sha256, 'image "' || images.name || '" of data set "' || datasets.name || '"' AS what
    FROM images JOIN datasets ON datasets.id = dataset_id
  UNION ALL SELECT samples_file, 'gaze samples on image "' || images.name || '" of data set "' || datasets.name || '"'
    FROM gaze JOIN images ON images.id = image_id JOIN datasets ON datasets.id = dataset_id
    WHERE samples_file IS NOT NULL
  UNION ALL SELECT heatmaps.file, 'a heatmap of image "' || images.name || '" of data set "' || datasets.name || '"'
    FROM heatmaps JOIN images ON images.id = image_id JOIN datasets ON datasets.id = dataset_id
  UNION ALL SELECT file, 'similarity "' || id || '"' FROM similarities
  UNION ALL SELECT file, 'model "' || id || '"' FROM models`;

export class Inspection {
  readonly #connection: DatabaseSync;

  /** @throws {Error} when there is no such file */
  constructor(readonly path: string) {
    if (!existsSync(path)) throw new Error(`Cannot read ${path}: there is no such database`);
    this.#connection = new DatabaseSync(path, { readOnly: true });
    this.#connection.exec("PRAGMA busy_timeout = 15000");
  }

  all<T>(sql: string, ...values: SqlValue[]): T[] {
    return orDamagedDatabase(this.path, () => this.#connection.prepare(sql).all(...values) as T[]);
  }

  /** None where there is no such table. */
  columnsOf(table: string): string[] {
    return this.all<{ name: string }>(`PRAGMA table_info("${table}")`).map(({ name }) => name);
  }

  /** What `body` reads is what there is at one moment, also while others write. */
  async atOneMoment<T>(body: () => Promise<T>): Promise<T> {
    this.#connection.exec("BEGIN");
    try {
      return await body();
    } finally {
      this.#connection.exec("COMMIT");
    }
  }

  /** For the statements of the tables that read; those that write are refused. */
  database(): Database {
    const refuse = () => Promise.reject(new Error("Cannot write to a database that is inspected"));
    const all = <T>(sql: string, ...values: SqlValue[]) =>
      Promise.try(() => this.all<T>(sql, ...values));
    return {
      ...{ dialect: "sqlite", clock: "0", orderedJoin: "CROSS JOIN" },
      ...{ forUpdate: "", forUpdateOfFree: "", all },
      get: async <T>(sql: string, ...values: SqlValue[]) => (await all<T>(sql, ...values)).at(0),
      ...{ run: refuse, transaction: refuse, forgetDeleted: refuse },
      close: () => Promise.resolve(),
    };
  }

  references(): Reference[] {
    return this.all(REFERENCES);
  }

  /** Version of the schema. */
  version(): number {
    return this.all<{ user_version: number }>("PRAGMA user_version")[0].user_version;
  }

  /** By which the directory's secret is known (`secret.ts`); 0 for none. */
  markOfSecret(): number {
    return this.all<{ application_id: number }>("PRAGMA application_id")[0].application_id;
  }

  /** Ids of jobs that have not ended: their checkpoints are still needed. */
  openJobs(): string[] {
    return this.all<{ id: string }>(
      "SELECT id FROM jobs WHERE state IN ('queued', 'running', 'paused')",
    ).map(({ id }) => id);
  }

  /** When the newest job was made; undefined without jobs. */
  newestJob(): string | undefined {
    const [{ made }] = this.all<{ made: string | null }>(
      "SELECT max(created_at) AS made FROM jobs",
    );
    return made ?? undefined;
  }

  /** What SQLite finds wrong, 100 lines at most; `quick` leaves the content of indexes out. */
  faults(quick: boolean): string[] {
    const pragma = quick ? "quick_check" : "integrity_check";
    try {
      const found = this.all<Record<string, string>>(`PRAGMA ${pragma}`)
        .flatMap((row) => row[pragma].split("\n"))
        .filter((line) => line !== "ok" && !line.startsWith("***"));
      const orphans = quick
        ? []
        : this.all<{ table: string; parent: string }>("PRAGMA foreign_key_check")
          .map(({ table, parent }) => `a row of ${table} refers to none of ${parent}`);
      return [...found, ...orphans].slice(0, 100);
    } catch (error) {
      return [(error as Error).message];
    }
  }

  /** @throws {Damaged} with the way back; as at a server's start */
  assertSound(): void {
    assertSound(this.#connection, this.path);
  }

  /** Writes the database as it is at one moment to a new file, also while others write to it. */
  async copyTo(path: string): Promise<void> {
    // All pages in one step, which reads them in one transaction.
    await backup(this.#connection, path, { rate: -1 });
    // A copy that is looked at makes no files beside it.
    const copy = new DatabaseSync(path);
    copy.exec("PRAGMA journal_mode = DELETE");
    copy.close();
  }

  close(): void {
    this.#connection.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
