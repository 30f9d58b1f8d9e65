/**
 * What can still be read of a damaged database, row by row, in a new one of the same schema. The `.recover` of the
 * sqlite3 of several distributions saves nothing of ours, and none of them tells what is lost: this does.
 */
import { existsSync } from "node:fs";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { isHeld } from "@/lib/store/lock.ts";
import { knownVersion, versions } from "@/lib/store/migrations.ts";
import { assertHoldsDatabase, DATABASE, isTaken } from "./data_files.ts";

/** Lost rows that are named, of a table. */
const MOST_NAMED = 20;

export interface LostRows {
  table: string;
  /** null where nobody can tell. */
  rows: number | null;
  /** What the table's indexes still say of them: the values of a key. */
  named: string[];
}

export interface Salvaged {
  rows: number;
  lost: LostRows[];
  /** Rows that were read and left out, as what they belong to is lost; by table. */
  orphans: { table: string; rows: number }[];
}

type Row = Record<string, SQLInputValue>;

/**
 * Writes what can be read of the database of `data` to the new file `target`; changes nothing in `data`.
 * @throws {Error} while a server runs there, where `target` exists, or where nothing can be read
 */
export function salvage(data: string, target: string): Salvaged {
  assertHoldsDatabase(`salvage ${data}`, data);
  if (isHeld(data)) throw new Error(`Cannot salvage ${data}: a server works in it; stop it first`);
  if (isTaken(target)) {
    throw new Error(`Cannot salvage into ${target}: it exists; name a new file, or remove it`);
  }
  const partial = `${target}.partial`;
  if (existsSync(partial)) Deno.removeSync(partial);
  try {
    const salvaged = copyInto(`${data}/${DATABASE}`, partial);
    const file = Deno.openSync(partial, { read: true, write: true });
    file.syncSync();
    file.close();
    Deno.chmodSync(partial, 0o600);
    Deno.renameSync(partial, target);
    return salvaged;
  } catch (error) {
    if (existsSync(partial)) Deno.removeSync(partial);
    throw error;
  }
}

function copyInto(path: string, partial: string): Salvaged {
  using from = new DatabaseSync(path, { readOnly: true });
  const [version, mark] = ["user_version", "application_id"].map((name) =>
    readable(path, () => Number(from.prepare(`PRAGMA ${name}`).get()![name]))
  );
  if (version < 1 || version > knownVersion) {
    throw new Error(
      `Cannot salvage ${path}: its schema is version ${version}, this program knows 1 to ${knownVersion}; ` +
        "take the program that wrote it",
    );
  }
  readable(path, () => from.prepare("SELECT name FROM sqlite_master").all());
  using to = new DatabaseSync(partial, { enableForeignKeyConstraints: false });
  to.exec(`${versions.slice(0, version).join(";")}; PRAGMA user_version = ${version}`);
  to.exec(`PRAGMA application_id = ${mark}`);
  const told = (type: string) =>
    to.prepare("SELECT name, sql FROM sqlite_master WHERE type = ? AND name NOT LIKE 'sqlite_%'")
      .all(type) as { name: string; sql: string }[];
  const triggers = told("trigger");
  to.exec("BEGIN");
  for (const { name } of triggers) to.exec(`DROP TRIGGER ${quoted(name)}`);
  const tables = told("table").map(({ name }) => name);
  const copied = tables.map((table) => copyTable(from, to, table));
  const lost = copied.flatMap(({ lost }) => lost ? [lost] : []);
  const orphans = removeOrphans(to, tables);
  // The content may be another: digests are made anew.
  if (lost.length > 0) to.exec("UPDATE datasets SET digest = ''");
  for (const { sql } of triggers) to.exec(sql);
  to.exec("COMMIT");
  const left = orphans.reduce((sum, { rows }) => sum + rows, 0);
  return { rows: copied.reduce((sum, { rows }) => sum + rows, 0) - left, lost, orphans };
}

/** @throws {Error} that says what is left to do, in place of SQLite's own words */
function readable<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new Error(
      `Cannot salvage ${path}: its first pages, which say what is where, cannot be read ` +
        `(${(error as Error).message}); restore a backup: deno task restore BACKUP --data NEW`,
    );
  }
}

const quoted = (name: string) => `"${name}"`;

function copyTable(
  from: DatabaseSync,
  to: DatabaseSync,
  table: string,
): { rows: number; lost?: LostRows } {
  const columns = (to.prepare(`PRAGMA table_info(${quoted(table)})`).all() as { name: string }[])
    .map(({ name }) => quoted(name));
  // What the migrations have put there.
  to.exec(`DELETE FROM ${quoted(table)}`);
  const put = to.prepare(
    `INSERT INTO ${quoted(table)} (${columns}) VALUES (${columns.map(() => "?")})`,
  );
  let rows = 0;
  const keep = (row: Row) => {
    try {
      put.run(...Object.values(row));
      rows++;
      return true;
    } catch {
      // Damage has made something of it that the table does not take.
      return false;
    }
  };
  const { wr } = to.prepare("SELECT wr FROM pragma_table_list WHERE name = ?").get(table)!;
  const copy = wr === 1 ? copyByKey : copyByRowid;
  const lost = copy(from, table, columns, keep);
  return { rows, lost: lost && { table, ...lost } };
}

/** Rows that are read by one statement; fewer where one of them cannot be read. */
const AT_ONCE = 256;

interface Walk {
  from: DatabaseSync;
  table: string;
  /** What is selected, and by which it is ordered: one or more columns that are unique together. */
  columns: string[];
  key: string[];
}

/**
 * Every row before the first that cannot be read, from one end. The rows of a statement come together: the iterator
 * of node:sqlite ends at damage as at the end.
 * @returns whether there was none that could not be read
 */
function walk(
  { from, table, columns, key }: Walk,
  end: "first" | "last",
  visit: (row: Row) => void,
) {
  const [order, beyond] = end === "first" ? ["", ">"] : [" DESC", "<"];
  const keys = key.map((column, i) => `${column} AS "key ${i}"`);
  const sql = (where: string) =>
    `SELECT ${[...keys, ...columns]} FROM ${quoted(table)} NOT INDEXED ${where}
     ORDER BY ${key.map((column) => column + order)} LIMIT ?`;
  const first = all(from, sql(""));
  const next = all(from, sql(`WHERE (${key}) ${beyond} (${key.map(() => "?")})`));
  let last: SQLInputValue[] | undefined;
  for (let most = AT_ONCE; most >= 1;) {
    let rows: Row[];
    try {
      rows = last ? next(...last, most) : first(most);
    } catch {
      most = most >> 1;
      continue;
    }
    for (const row of rows) {
      last = key.map((_, i) => row[`key ${i}`]);
      const content = { ...row };
      for (const i of key.keys()) delete content[`key ${i}`];
      visit(content);
    }
    if (rows.length < most) return true;
  }
  return false;
}

function all(from: DatabaseSync, sql: string): (...values: SQLInputValue[]) => Row[] {
  const statement = from.prepare(sql);
  statement.setReadBigInts(true);
  return (...values) => statement.all(...values) as Row[];
}

/** A table that is its own index: from its beginning and from its end, as far as each goes. */
function copyByKey(
  from: DatabaseSync,
  table: string,
  columns: string[],
  keep: (row: Row) => boolean,
): { rows: null; named: string[] } | undefined {
  const key = (from.prepare(`PRAGMA table_info(${quoted(table)})`).all() as {
    name: string;
    pk: number;
  }[]).filter(({ pk }) => pk > 0).sort((a, b) => a.pk - b.pk).map(({ name }) => quoted(name));
  const what = { from, table, columns, key };
  let refused = false;
  const take = (row: Row) => {
    if (!keep(row)) refused = true;
  };
  if (walk(what, "first", take) && !refused) return undefined;
  walk(what, "last", take);
  return { rows: null, named: [] };
}

/** Row by row where the whole cannot be read: which there are the indexes know. */
function copyByRowid(
  from: DatabaseSync,
  table: string,
  columns: string[],
  keep: (row: Row) => boolean,
): { rows: number | null; named: string[] } | undefined {
  const kept = new Set<SQLInputValue>();
  const refused = new Set<SQLInputValue>();
  const take = ({ "row id": rowid, ...row }: Row) => {
    if (kept.has(rowid)) return;
    if (keep(row)) kept.add(rowid);
    else refused.add(rowid);
  };
  const selected = [`rowid AS "row id"`, ...columns];
  const what = { from, table, columns: selected, key: ["rowid"] };
  const through = walk(what, "first", take);
  if (!through) walk(what, "last", take);
  // SQLite may take a damaged page for an empty one.
  const { known, whole } = keysOf(from, table);
  const one = all(from, `SELECT ${selected} FROM ${quoted(table)} NOT INDEXED WHERE rowid = ?`);
  const named: string[] = [];
  let lost = 0;
  for (const [rowid, name] of known) {
    if (kept.has(rowid)) continue;
    try {
      const [row] = one(rowid);
      if (row) take(row);
      if (kept.has(rowid)) continue;
    } catch {
      // Its page is the damaged one.
    }
    lost++;
    refused.delete(rowid);
    if (named.length < MOST_NAMED) named.push(name);
  }
  lost += refused.size;
  if (through && lost === 0) return undefined;
  return { rows: through || whole ? lost : null, named };
}

/** The rows that the unique indexes of a table know of, and a key of each, the longest; `whole`: one index could be read to its end. */
function keysOf(
  from: DatabaseSync,
  table: string,
): { known: Map<SQLInputValue, string>; whole: boolean } {
  const known = new Map<SQLInputValue, string>();
  let whole = false;
  const indexes = from.prepare(`PRAGMA index_list(${quoted(table)})`).all() as {
    name: string;
    unique: number;
    partial: number;
  }[];
  for (const { name } of indexes.filter((index) => index.unique === 1 && index.partial === 0)) {
    const columns = (from.prepare(`PRAGMA index_info(${quoted(name)})`).all() as { name: string }[])
      .map((column) => quoted(column.name));
    const sql = `SELECT rowid AS "row id", ${columns} FROM ${quoted(table)} INDEXED BY ${
      quoted(name)
    }`;
    try {
      for (const { "row id": rowid, ...key } of all(from, sql)()) {
        const values = Object.values(key);
        if (!known.has(rowid) || values.length > 1) known.set(rowid, values.join(" "));
      }
      whole = true;
    } catch {
      // It is damaged, too.
    }
  }
  return { known, whole };
}

/** Rows that refer to what is lost go, until none does. */
function removeOrphans(to: DatabaseSync, tables: string[]): { table: string; rows: number }[] {
  const removed = new Map<string, number>();
  for (let more = true; more;) {
    more = false;
    for (const table of tables) {
      const keys = to.prepare(`PRAGMA foreign_key_list(${quoted(table)})`).all() as {
        table: string;
        from: string;
        to: string;
      }[];
      for (const key of keys) {
        const { changes } = to.prepare(
          `DELETE FROM ${quoted(table)} WHERE ${quoted(key.from)} IS NOT NULL AND ` +
            `${quoted(key.from)} NOT IN (SELECT ${quoted(key.to)} FROM ${quoted(key.table)})`,
        ).run();
        if (Number(changes) === 0) continue;
        more = true;
        removed.set(table, (removed.get(table) ?? 0) + Number(changes));
      }
    }
  }
  return [...removed].map(([table, rows]) => ({ table, rows }));
}
