/** Tables with a header: CSV, TSV and what is between, row by row. */
import { CsvError, parse } from "csv-parse/sync";
import { InvalidInput } from "@/lib/errors.ts";
import { numberOf, plainWord, positionOf } from "./table_cell.ts";
import type { Recording } from "./sink.ts";
import { LIMITS, type Text } from "./text.ts";

export type Delimiter = "," | ";" | "\t" | "|";

/** The delimiter that a line has most of; a tab wins. */
export function delimiterOf(line: string): Delimiter {
  if (line.includes("\t")) return "\t";
  const count = (mark: string) => line.split(mark).length;
  return ([",", ";", "|"] as const).reduce((best, mark) => count(mark) > count(best) ? mark : best);
}

/** Cells of a header line, as they are compared. */
export function headersOf(line: string): string[] {
  return line.split(delimiterOf(line)).map((cell) => plainWord(cell.replace(/^\s*"|"\s*$/g, "")));
}

/** A header without anything but its letters and digits. */
export function squeeze(header: string): string {
  return header.toLowerCase().replace(/[^a-z0-9]/g, "");
}

/** One row. */
export interface Row {
  cells: string[];
  line: number;
}

/** Calls `visit` with every row of cells that is not empty. */
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
  const checked = (cells: string[], line: number) => {
    if (cells.length > LIMITS.columns) {
      throw wrong(line, `more than ${LIMITS.columns} columns`, LIMITS.columns + 1);
    }
    visit({ cells, line });
  };
  // A quoted cell may go on over lines; rows without quotes, which is nearly all of them, are only cut.
  let open = "";
  let openedAt = 0;
  await text.eachLine((line, number) => {
    if (open === "" && !line.includes('"')) {
      if (line !== "") checked(line.split(delimiter), number);
      return;
    }
    if (open === "") openedAt = number;
    open = open === "" ? line : `${open}\n${line}`;
    if (open.length > LIMITS.line) throw wrong(openedAt, "a quote is not closed");
    if (open.split('"').length % 2 === 0) return;
    const record = open;
    open = "";
    checked(
      quoted(record, delimiter, () => wrong(openedAt, "a quote in the wrong place")),
      openedAt,
    );
  });
  if (open !== "") throw wrong(openedAt, "a quote is not closed");
}

/** Cells of one row with quotes. */
function quoted(record: string, delimiter: Delimiter, wrong: () => InvalidInput): string[] {
  try {
    const rows = parse(record, { delimiter, relax_quotes: true });
    if (rows.length === 1) return rows[0];
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
  }
  throw wrong();
}

/** A table with a header: columns by name, cells checked, problems with their place. */
export class Table {
  /** Whether numbers may have a decimal comma. */
  readonly comma: boolean;
  private readonly columns = new Map<string, number>();
  private readonly squeezed = new Map<string, number>();
  private readonly roles = new Set<number>();

  constructor(
    readonly headers: string[],
    delimiter: Delimiter,
    private readonly recording: Recording,
    readonly line: number,
  ) {
    this.comma = delimiter !== ",";
    headers.forEach((header, i) => {
      const name = plainWord(header);
      if (!this.columns.has(name)) this.columns.set(name, i);
      if (!this.squeezed.has(squeeze(name))) this.squeezed.set(squeeze(name), i);
    });
  }

  /** Column of the first of these headers that is there, from 0; -1. */
  find(...names: string[]): number {
    for (const name of names) {
      const column = this.columns.get(plainWord(name));
      if (column !== undefined) return this.found(names[0], column);
    }
    return -1;
  }

  /** Column of a header that plays a role; -1. */
  findAs(role: string, header: string): number {
    const column = this.columns.get(plainWord(header));
    return column === undefined ? -1 : this.found(role, column);
  }

  /** The same by letters and digits alone: `gazepointxmcspx` is "Gaze point X [MCS px]". */
  findSqueezed(...names: string[]): number {
    for (const name of names) {
      const column = this.squeezed.get(name);
      if (column !== undefined) return this.found(this.headers[column].trim(), column);
    }
    return -1;
  }

  /** The same; a problem without it. */
  need(...names: string[]): number {
    const column = this.find(...names);
    if (column < 0) this.recording.problem(`no column "${names[0]}"`, this.line);
    return column;
  }

  /** Tells the recording which column plays a role; the first role of a column counts. */
  private found(role: string, column: number): number {
    if (!this.roles.has(column)) {
      this.roles.add(column);
      this.recording.columns[role] ??= this.headers[column].trim();
    }
    return column;
  }

  /** Whether a row is as long as the header (a delimiter at the end is allowed). */
  whole({ cells, line }: Row): boolean {
    const extra = cells.length - this.headers.length;
    if (extra === 0 || (extra === 1 && cells[cells.length - 1].trim() === "")) return true;
    this.recording.problem(
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
      : this.checked(numberOf(cells[column], this.comma), cells, line, column);
  }

  /** The same for positions, where -1 says missing. */
  position({ cells, line }: Row, column: number): number {
    return column < 0
      ? NaN
      : this.checked(positionOf(cells[column], this.comma), cells, line, column);
  }

  /** Text in a column, "" where there is none. */
  text({ cells }: Row, column: number): string {
    return column < 0 ? "" : (cells[column] ?? "").trim();
  }

  private checked(
    value: number | undefined,
    cells: string[],
    line: number,
    column: number,
  ): number {
    if (value !== undefined) return value;
    const cell = cells[column].slice(0, 40);
    this.recording.problem(`${this.headers[column]}: "${cell}" is not a number`, line, column + 1);
    return NaN;
  }
}

/**
 * Reads a table with a header: `start` gets the table when the header is read and returns what to do with a row.
 * @param isHeader which row is the header (default: the first); rows before it are passed over
 * @param isRow which rows after it are rows of the table (default: all)
 */
export async function readTable(
  text: Text,
  recording: Recording,
  start: (table: Table) => (row: Row) => void,
  { delimiter = delimiterOf(text.head.first), isHeader, isRow }: {
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
    } else if (!isHeader || isHeader(row)) {
      table = new Table(row.cells, delimiter, recording, row.line);
      visit = start(table);
      recording.stopIfWrong();
    }
  });
  if (!table) recording.problem("no header", 1);
}
