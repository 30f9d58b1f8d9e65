/** Tables with a header: CSV, TSV and what is between, row by row. */
import { CsvError, parse } from "csv-parse";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { InvalidInput } from "@/lib/errors.ts";
import { type Delimiter, delimiterOfHead } from "./head.ts";
import { numberOf, plainWord, positionOf } from "./table_cell.ts";
import type { GazeSink } from "./sink.ts";
import { LIMITS, type Text } from "./text.ts";

/** A header without anything but its letters and digits. */
export function squeeze(header: string): string {
  return header.toLowerCase().replace(/[^a-z0-9]/g, "");
}

/** One row. */
export interface Row {
  cells: string[];
  line: number;
}

/** Calls `visit` with every row of cells that is not empty: one stream of csv-parse, quoted or not. */
export async function eachRow(
  text: Text,
  delimiter: Delimiter,
  visit: (row: Row) => void,
): Promise<void> {
  const { file } = text.head;
  const wrong = (line: number, message: string, column?: number) =>
    new InvalidInput(`Cannot read ${file}, line ${line}: ${message}`, [
      { file, line, column, message },
    ]);
  /** Line on which the last row ended. */
  let ended = 0;
  const parser = parse({
    delimiter,
    record_delimiter: ["\r\n", "\n", "\r"],
    relax_quotes: true,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: LIMITS.line,
    on_record: (cells: string[], { lines }) => {
      // A quoted cell may hold lines.
      const inside = lines > ended + 1
        ? cells.reduce((sum, cell) => sum + (cell.match(/\r\n|\n|\r/g)?.length ?? 0), 0)
        : 0;
      ended = lines;
      const line = lines - inside;
      if (cells.length > LIMITS.columns) {
        throw wrong(line, `more than ${LIMITS.columns} columns: export fewer`, LIMITS.columns + 1);
      }
      if (cells.length > 1 || cells[0].trim() !== "") visit({ cells, line });
      return null;
    },
  });
  // Rows are taken as they are parsed; nothing is left to be read.
  parser.resume();
  try {
    await pipeline(Readable.from(text.chunks()), parser);
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const lines = Number((error as { lines?: number }).lines) || ended + 1;
    if (error.code === "CSV_QUOTE_NOT_CLOSED" || lines > ended + 1) {
      throw wrong(ended + 1, "a quote is not closed");
    }
    if (error.code === "CSV_MAX_RECORD_SIZE") {
      throw wrong(lines, `longer than ${LIMITS.line} characters: export fewer columns`);
    }
    throw wrong(lines, "a quote in the wrong place");
  }
}

/** A table with a header: columns by name, cells checked, problems with their place. */
export class Table {
  /** Whether numbers may have a decimal comma. */
  readonly comma: boolean;
  readonly #columns = new Map<string, number>();
  readonly #squeezed = new Map<string, number>();
  readonly #roles = new Set<number>();
  readonly #sink: GazeSink;

  constructor(
    readonly headers: string[],
    delimiter: Delimiter,
    sink: GazeSink,
    readonly line: number,
  ) {
    this.#sink = sink;
    this.comma = delimiter !== ",";
    headers.forEach((header, i) => {
      const name = plainWord(header);
      if (!this.#columns.has(name)) this.#columns.set(name, i);
      if (!this.#squeezed.has(squeeze(name))) this.#squeezed.set(squeeze(name), i);
    });
  }

  /** Column of the first of these headers that is there, from 0; -1. */
  find(...names: string[]): number {
    for (const name of names) {
      const column = this.#columns.get(plainWord(name));
      if (column !== undefined) return this.#found(names[0], column);
    }
    return -1;
  }

  /** Column of a header that plays a role; -1. */
  findAs(role: string, header: string): number {
    this.#sink.use(`columns.${role}`);
    const column = this.#columns.get(plainWord(header));
    return column === undefined ? -1 : this.#found(role, column);
  }

  /** Column of a role: by the option `columns`, whose header must be there, else by these headers; -1. */
  findRole(role: string, ...names: string[]): number {
    const { columns = {} } = this.#sink.options;
    if (!Object.hasOwn(columns, role)) return this.find(...names);
    const column = this.findAs(role, columns[role]);
    if (column < 0) {
      this.#sink.problem(`columns: no column "${columns[role]}" for ${role}`, this.line);
    }
    return column;
  }

  /** The same by letters and digits alone: `gazepointxmcspx` is "Gaze point X [MCS px]". */
  findSqueezed(...names: string[]): number {
    for (const name of names) {
      const column = this.#squeezed.get(name);
      if (column !== undefined) return this.#found(this.headers[column].trim(), column);
    }
    return -1;
  }

  /** The same; a problem without it. */
  need(...names: string[]): number {
    const column = this.find(...names);
    if (column < 0) this.#sink.problem(`no column "${names[0]}"`, this.line);
    return column;
  }

  /** Tells the sink which column plays a role; the first role of a column counts. */
  #found(role: string, column: number): number {
    if (!this.#roles.has(column)) {
      this.#roles.add(column);
      const header = this.headers[column].trim();
      this.#sink.columns[role] ??= header;
      const times = this.headers.filter((other) => plainWord(other) === plainWord(header)).length;
      if (times > 1) {
        this.#sink.warn(
          `column "${header}" stands ${times} times: the first is read`,
          this.line,
          column + 1,
        );
      }
    }
    return column;
  }

  /** Whether a row is as long as the header (a delimiter at the end is allowed). */
  whole({ cells, line }: Row): boolean {
    const extra = cells.length - this.headers.length;
    if (extra === 0 || (extra === 1 && cells[cells.length - 1].trim() === "")) return true;
    this.#sink.problem(
      `${this.headers.length} cells expected, got ${cells.length}`,
      line,
      Math.min(cells.length, this.headers.length) + (extra > 0 ? 1 : 0),
    );
    return false;
  }

  /** Number in a column: NaN where missing, or wrong (which is a problem). */
  number({ cells, line }: Row, column: number): number {
    return column < 0
      ? NaN
      : this.#checked(numberOf(cells[column], this.comma), cells, line, column);
  }

  /** The same for positions, where -1 says missing. */
  position({ cells, line }: Row, column: number): number {
    return column < 0
      ? NaN
      : this.#checked(positionOf(cells[column], this.comma), cells, line, column);
  }

  /** Text in a column, "" where there is none. */
  text({ cells }: Row, column: number): string {
    return column < 0 ? "" : (cells[column] ?? "").trim();
  }

  #checked(value: number | undefined, cells: string[], line: number, column: number): number {
    if (value !== undefined) return value;
    const cell = cells[column].slice(0, 40);
    this.#sink.problem(`${this.headers[column]}: "${cell}" is not a number`, line, column + 1);
    return NaN;
  }
}

/**
 * Reads a table with a header: `start` gets the table when the header is read and returns what to do with a row.
 * @param isHeader which row is the header (default: the first that is no comment); rows before it are passed over
 * @param isRow which rows after it are rows of the table (default: all)
 */
export async function readTable(
  text: Text,
  sink: GazeSink,
  start: (table: Table) => (row: Row) => void,
  { delimiter = delimiterOfHead(text.head), isHeader, isRow }: {
    delimiter?: Delimiter;
    isHeader?: (row: Row) => boolean;
    isRow?: (row: Row) => boolean;
  } = {},
): Promise<void> {
  let table: Table | undefined;
  let visit: ((row: Row) => void) | undefined;
  await eachRow(text, delimiter, (row) => {
    if (table) {
      if ((!isRow || isRow(row)) && table.whole(row)) visit!(row);
    } else if (isHeader ? isHeader(row) : row.line >= text.head.line) {
      row.cells[0] = row.cells[0].replace(/^\s*#\s*/, "");
      table = new Table(row.cells, delimiter, sink, row.line);
      visit = start(table);
      sink.stopIfWrong();
    }
  });
  if (table) return;
  sink.problem(
    `no line of headers as ${sink.format} has it, the first line begins "${
      text.head.first.trim().slice(0, 60)
    }"; ` +
      "without the option `format` the server looks which format the file is in",
    1,
  );
}
