/** Small CSV tables (labels and such), read strictly: every problem names its line. */
import { Buffer } from "node:buffer";
import { CsvError, parse } from "csv-parse/sync";
import { InvalidInput, type Problem } from "@/lib/errors.ts";

export interface TableRow {
  /** 1-based line of the file. */
  line: number;
  /** Trimmed, as many as there are headers. */
  cells: string[];
}

export interface CsvTable {
  headers: string[];
  rows: TableRow[];
}

/** Bytes of one line, columns, and problems that are listed. */
const maxLineBytes = 64 * 1024;
const maxColumns = 256;
export const maxProblems = 100;

/** UTF-8 without its byte order mark; throws InvalidInput. */
export function decodeText(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw notText(file);
  }
}

/** Bytes that are decoded at a time. */
const DECODED = 2 ** 20;

/** Throws InvalidInput for what is not UTF-8; the text is not kept. */
function assertText(bytes: Uint8Array, file: string): void {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    for (let at = 0; at < bytes.length; at += DECODED) {
      decoder.decode(bytes.subarray(at, at + DECODED), { stream: true });
    }
    decoder.decode();
  } catch {
    throw notText(file);
  }
}

function notText(file: string): InvalidInput {
  const message = "Cannot read the text: it is not UTF-8";
  return new InvalidInput(`Cannot read ${file}`, [{ file, message }]);
}

const headOf = (bytes: Uint8Array): string =>
  new TextDecoder("utf-8").decode(bytes.subarray(0, maxLineBytes));

/** The separator that the header line has most of. */
function separator(text: string): string {
  const end = text.search(/[\r\n]/);
  const header = end < 0 ? text : text.slice(0, end);
  const count = (mark: string) => header.split(mark).length - 1;
  return [",", ";", "\t"].toSorted((a, b) => count(b) - count(a))[0];
}

/** The first line's fields, lower case; none where it is no text. */
export function tableHeaders(bytes: Uint8Array): string[] {
  const line = headOf(bytes).split(/[\r\n]/).find((text) => text.trim() !== "") ?? "";
  try {
    const [headers = []] = parse(line, { delimiter: separator(line), trim: true }) as string[][];
    return headers.map((header) => header.toLowerCase());
  } catch (error) {
    if (error instanceof CsvError) return [];
    throw error;
  }
}

/** Thrown to stop the parser. */
const enough = new Error("enough");

/**
 * Reads a table with a header, row by row, so that nothing of it need be kept; comma, semicolon and tab
 * are told apart. `onRow` gets the headers in lower case and as they are written, and returns false when it has seen
 * enough. Throws InvalidInput.
 */
export function scanTable(
  bytes: Uint8Array,
  file: string,
  onRow: (row: TableRow, headers: string[], written: string[]) => boolean,
): string[] {
  const refuse = (problems: Problem[]) => new InvalidInput(`Cannot read ${file}`, problems);
  assertText(bytes, file);
  let headers: string[] | undefined;
  let written: string[] = [];
  const problems: Problem[] = [];
  const onRecord = (record: string[], { lines }: { lines: number }) => {
    if (!headers) {
      written = record;
      headers = record.map((header) => header.toLowerCase());
      if (headers.length > maxColumns) {
        const message = `Cannot read more than ${maxColumns} columns, it has ${headers.length}`;
        throw refuse([{ file, line: 1, message }]);
      }
    } else if (record.every((cell) => cell === "")) return;
    else if (record.length !== headers.length) {
      const message =
        `Cannot read the line: ${record.length} fields, the header has ${headers.length}`;
      problems.push({ file, line: lines, message });
      if (problems.length >= maxProblems) throw enough;
    } else if (!onRow({ line: lines, cells: record }, headers, written)) throw enough;
  };
  try {
    // The bytes themselves: a text of them, and what the parser makes of that, would be in memory beside them.
    parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), {
      bom: true,
      delimiter: separator(headOf(bytes)),
      max_record_size: maxLineBytes,
      on_record: (record, context) => {
        onRecord(record as unknown as string[], context);
        // Nothing is kept.
        return null;
      },
      relax_column_count: true,
      skip_empty_lines: true,
      trim: true,
    });
  } catch (error) {
    if (error instanceof CsvError) {
      const line = typeof error.lines === "number" ? error.lines : undefined;
      throw refuse([{ file, line, message: `Cannot read the table: ${error.message}` }]);
    }
    if (error !== enough) throw error;
  }
  if (!headers) throw refuse([{ file, line: 1, message: "Cannot find a header line" }]);
  if (problems.length > 0) throw refuse(problems);
  return headers;
}

/** The whole of a table. Throws InvalidInput. */
export function readTable(bytes: Uint8Array, file: string): CsvTable {
  const rows: TableRow[] = [];
  const headers = scanTable(bytes, file, (row) => rows.push(row) > 0);
  return { headers, rows };
}
