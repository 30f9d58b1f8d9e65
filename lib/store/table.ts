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

/** Conditions of a WHERE clause; those whose value is undefined are left out. */
export type Conditions = [sql: string, value: SqlValue | undefined][];

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

  insert(row: Row): Row {
    const encoded = this.encode(row);
    const columns = Object.keys(encoded);
    this.db.run(
      `INSERT INTO ${this.options.table} (${columns.join(", ")}) VALUES (${
        columns.map(() => "?").join(", ")
      })`,
      ...Object.values(encoded),
    );
    return row;
  }

  /** Changes columns of one row; false when there is no such row. */
  update(id: string, changes: Partial<Row>): boolean {
    const encoded = this.encode(changes);
    const columns = Object.keys(encoded);
    return this.db.run(
      `UPDATE ${this.options.table} SET ${columns.map((c) => `${c} = ?`).join(", ")} WHERE id = ?`,
      ...Object.values(encoded),
      id,
    ) > 0;
  }

  find(id: string): Row | undefined {
    return this.findBy([["id = ?", id]]);
  }

  /** Throws NotFound when there is no row with this id. */
  get(id: string): Row {
    const row = this.find(id);
    if (!row) throw new NotFound(`Cannot find ${this.options.noun} "${id}"`);
    return row;
  }

  findBy(conditions: Conditions): Row | undefined {
    return this.select(conditions, "LIMIT 1")[0];
  }

  protected select(conditions: Conditions, tail: string): Row[] {
    const { where, values } = this.where(conditions);
    return this.db.all(
      `SELECT * FROM ${this.options.table} ${where} ${tail}`,
      ...values,
    ).map((row) => this.decode(row));
  }

  /** A page in the order of making (newest first where the table says so). */
  list(
    options: PageOptions & { newestFirst?: boolean } = {},
    conditions: Conditions = [],
  ): Page<Row> {
    const { after, limit = 100, newestFirst = this.options.newestFirst } = options;
    const rows = this.select(
      [...conditions, [newestFirst ? "id < ?" : "id > ?", after]],
      `ORDER BY id ${newestFirst ? "DESC" : "ASC"} LIMIT ${Math.trunc(limit) + 1}`,
    );
    return page(rows, limit, (row) => row.id);
  }

  /** The text of a WHERE clause, and its values. */
  protected where(conditions: Conditions): { where: string; values: SqlValue[] } {
    const used = conditions.filter(([, value]) => value !== undefined);
    return {
      where: used.length ? `WHERE ${used.map(([sql]) => sql).join(" AND ")}` : "",
      values: used.map(([, value]) => value!),
    };
  }

  count(conditions: Conditions = []): number {
    const { where, values } = this.where(conditions);
    return this.db.get<{ n: number }>(
      `SELECT count(*) AS n FROM ${this.options.table} ${where}`,
      ...values,
    )!.n;
  }

  /** False when there was no such row. */
  remove(id: string): boolean {
    return this.db.run(`DELETE FROM ${this.options.table} WHERE id = ?`, id) > 0;
  }
}
