/** Small CSV tables (labels and such), read strictly: every problem names its line. */
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
    const message = "Cannot read the text: it is not UTF-8";
    throw new InvalidInput(`Cannot read ${file}`, [{ file, message }]);
  }
}

/** The separator that the header line has most of. */
function separator(text: string): string {
  const end = text.search(/[\r\n]/);
  const header = end < 0 ? text : text.slice(0, end);
  const count = (mark: string) => header.split(mark).length - 1;
  return [",", ";", "\t"].toSorted((a, b) => count(b) - count(a))[0];
}

/** The first line's fields, lower case; none where it is no text. */
export function tableHeaders(bytes: Uint8Array): string[] {
  const head = new TextDecoder("utf-8").decode(bytes.subarray(0, maxLineBytes));
  const line = head.split(/[\r\n]/).find((text) => text.trim() !== "") ?? "";
  try {
    const [headers = []] = parse(line, { delimiter: separator(line), trim: true }) as string[][];
    return headers.map((header) => header.toLowerCase());
  } catch (error) {
    if (error instanceof CsvError) return [];
    throw error;
  }
}

/** Reads a table with a header; comma, semicolon and tab are told apart. Throws InvalidInput. */
export function readTable(bytes: Uint8Array, file: string): CsvTable {
  const refuse = (problems: Problem[]) => new InvalidInput(`Cannot read ${file}`, problems);
  const text = decodeText(bytes, file);
  let records: { info: { lines: number }; record: string[] }[];
  try {
    records = parse(text, {
      delimiter: separator(text),
      info: true,
      max_record_size: maxLineBytes,
      relax_column_count: true,
      skip_empty_lines: true,
      trim: true,
    }) as unknown as typeof records;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const line = typeof error.lines === "number" ? error.lines : undefined;
    throw refuse([{ file, line, message: `Cannot read the table: ${error.message}` }]);
  }
  if (records.length === 0) throw refuse([{ file, line: 1, message: "Cannot find a header line" }]);
  const headers = records[0].record.map((header) => header.toLowerCase());
  if (headers.length > maxColumns) {
    throw refuse([{
      file,
      line: 1,
      message: `Cannot read more than ${maxColumns} columns, it has ${headers.length}`,
    }]);
  }
  const problems: Problem[] = [];
  const rows: TableRow[] = [];
  for (const { info, record } of records.slice(1)) {
    if (record.every((cell) => cell === "")) continue;
    if (record.length !== headers.length) {
      problems.push({
        file,
        line: info.lines,
        message: `Cannot read the line: ${record.length} fields, the header has ${headers.length}`,
      });
      if (problems.length >= maxProblems) break;
    } else rows.push({ line: info.lines, cells: record });
  }
  if (problems.length > 0) throw refuse(problems);
  return { headers, rows };
}
