/** What all tables with an `id` have in common: rows in and out, JSON columns, pages. */
import { NotFound } from "@/lib/errors.ts";
import type { Database, SqlRow, SqlValue } from "./database.ts";

export interface PageOptions {
  /** The id (or, for images, name) after which the page starts. */
  after?: string;
  /** 1 to 1000. */
  limit?: number;
}

export interface Page<T> {
  data: T[];
  has_more: boolean;
  /** What to give as `after` for the next page. */
  next: string | null;
}

export const now = (): string => new Date().toISOString();

/** Cuts `limit + 1` rows down to a page. */
export function page<T>(rows: T[], limit: number, key: (row: T) => string): Page<T> {
  const data = rows.slice(0, limit);
  const has_more = rows.length > limit;
  return { data, has_more, next: has_more ? key(data[data.length - 1]) : null };
}

/** Rows of one statement: what a statement may hold is bounded. */
const ROWS_AT_ONCE = 200;

/** Inserts rows of the same columns, many by one statement; `tail` says what becomes of those that are there. */
export async function insertRows(
  db: Database,
  table: string,
  rows: SqlRow[],
  tail = "",
): Promise<void> {
  if (rows.length === 0) return;
  const columns = Object.keys(rows[0]);
  const places = `(${columns.map(() => "?").join(", ")})`;
  for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
    const part = rows.slice(from, from + ROWS_AT_ONCE);
    await db.run(
      `INSERT INTO ${table} (${columns.map((name) => `"${name}"`).join(", ")})
       VALUES ${part.map(() => places).join(", ")} ${tail}`,
      ...part.flatMap((row) => columns.map((name) => row[name])),
    );
  }
}

/** Places for the values of `IN (...)`; PostgreSQL refuses an empty list, and nothing is in one of NULL. */
export const placesOf = (values: readonly unknown[]) =>
  values.length === 0 ? "NULL" : values.map(() => "?").join(", ");

/** Conditions of a WHERE clause; those whose value is undefined are left out. `IN (?)` takes a list. */
export type Conditions = [sql: string, value: SqlValue | SqlValue[] | undefined][];

export class Table<Row extends { id: string }> {
  /**
   * `noun` is what errors call a row; `json` names the columns kept as JSON text, `booleans`
   * those kept as 0 and 1; `newestFirst` turns the order of `list`.
   */
  constructor(
    readonly db: Database,
    readonly options: {
      table: string;
      noun: string;
      json?: (keyof Row & string)[];
      booleans?: (keyof Row & string)[];
      newestFirst?: boolean;
    },
  ) {}

  protected encode(row: Partial<Row>): SqlRow {
    const { json = [], booleans = [] } = this.options;
    const out: SqlRow = {};
    for (const [column, value] of Object.entries(row)) {
      if (value === null || value === undefined) out[column] = null;
      else if (json.includes(column as keyof Row & string)) out[column] = JSON.stringify(value);
      else if (booleans.includes(column as keyof Row & string)) out[column] = value ? 1 : 0;
      else out[column] = value as SqlValue;
    }
    return out;
  }

  protected decode(row: SqlRow): Row {
    const { json = [], booleans = [] } = this.options;
    const out: Record<string, unknown> = { ...row };
    for (const column of json) {
      const value = row[column];
      if (typeof value === "string") out[column] = JSON.parse(value);
    }
    for (const column of booleans) out[column] = row[column] === 1;
    return out as unknown as Row;
  }

  async insert(row: Row): Promise<Row> {
    const encoded = this.encode(row);
    const columns = Object.keys(encoded);
    await this.db.run(
      `INSERT INTO ${this.options.table} (${columns.join(", ")}) VALUES (${
        columns.map(() => "?").join(", ")
      })`,
      ...Object.values(encoded),
    );
    return row;
  }

  /** All or none; rows without an optional column have null there. */
  async insertAll(rows: Row[]): Promise<void> {
    const encoded = rows.map((row) => this.encode(row));
    const none = Object.fromEntries(encoded.flatMap(Object.keys).map((name) => [name, null]));
    await this.db.transaction(async () =>
      await insertRows(this.db, this.options.table, encoded.map((row) => ({ ...none, ...row })))
    );
  }

  /** Changes columns of one row; false when there is no such row. */
  async update(id: string, changes: Partial<Row>): Promise<boolean> {
    const encoded = this.encode(changes);
    const columns = Object.keys(encoded);
    return await this.db.run(
      `UPDATE ${this.options.table} SET ${columns.map((c) => `${c} = ?`).join(", ")} WHERE id = ?`,
      ...Object.values(encoded),
      id,
    ) > 0;
  }

  async find(id: string): Promise<Row | undefined> {
    return await this.findBy([["id = ?", id]]);
  }

  /** Throws NotFound when there is no row with this id. */
  async get(id: string): Promise<Row> {
    const row = await this.find(id);
    if (!row) throw new NotFound(`Cannot find ${this.options.noun} "${id}"`);
    return row;
  }

  /** All rows with these ids, in no order. Throws NotFound when one is not there. */
  async getAll(ids: string[]): Promise<Row[]> {
    const rows: Row[] = [];
    for (let from = 0; from < ids.length; from += ROWS_AT_ONCE) {
      rows.push(...await this.select([["id IN (?)", ids.slice(from, from + ROWS_AT_ONCE)]], ""));
    }
    const found = new Set(rows.map(({ id }) => id));
    const missing = ids.find((id) => !found.has(id));
    if (missing !== undefined) {
      throw new NotFound(`Cannot find ${this.options.noun} "${missing}"`);
    }
    return rows;
  }

  async findBy(conditions: Conditions): Promise<Row | undefined> {
    return (await this.select(conditions, "LIMIT 1"))[0];
  }

  protected async select(conditions: Conditions, tail: string): Promise<Row[]> {
    const { where, values } = this.where(conditions);
    return (await this.db.all(
      `SELECT * FROM ${this.options.table} ${where} ${tail}`,
      ...values,
    )).map((row) => this.decode(row));
  }

  /** A page in the order of making (newest first where the table says so). */
  async list(
    options: PageOptions & { newestFirst?: boolean } = {},
    conditions: Conditions = [],
  ): Promise<Page<Row>> {
    const { after, limit = 100, newestFirst = this.options.newestFirst } = options;
    const rows = await this.select(
      [...conditions, [newestFirst ? "id < ?" : "id > ?", after]],
      `ORDER BY id ${newestFirst ? "DESC" : "ASC"} LIMIT ${Math.trunc(limit) + 1}`,
    );
    return page(rows, limit, (row) => row.id);
  }

  /** The text of a WHERE clause, and its values. */
  protected where(conditions: Conditions): { where: string; values: SqlValue[] } {
    const used = conditions.filter(([, value]) => value !== undefined);
    const texts = used.map(([sql, value]) =>
      Array.isArray(value) ? sql.replace("IN (?)", `IN (${placesOf(value)})`) : sql
    );
    return {
      where: used.length ? `WHERE ${texts.join(" AND ")}` : "",
      values: used.flatMap(([, value]) => value!),
    };
  }

  async count(conditions: Conditions = []): Promise<number> {
    const { where, values } = this.where(conditions);
    return (await this.db.get<{ n: number }>(
      `SELECT count(*) AS n FROM ${this.options.table} ${where}`,
      ...values,
    ))!.n;
  }

  /** False when there was no such row. */
  async remove(id: string): Promise<boolean> {
    return await this.db.run(`DELETE FROM ${this.options.table} WHERE id = ?`, id) > 0;
  }
}
