/** The head of a file, and its first line that counts: comments and `sep=;` stand before it. */
import { parse } from "csv-parse/sync";
import type { Head } from "./format.ts";
import { numberOf, plainWord } from "./table_cell.ts";

export type Delimiter = "," | ";" | "\t" | "|";

/** The delimiter that a line has most of outside quotes; a tab wins. */
export function delimiterOf(line: string): Delimiter {
  const bare = line.replace(/"[^"]*"/g, "");
  if (bare.includes("\t")) return "\t";
  const count = (mark: string) => bare.split(mark).length;
  return ([",", ";", "|"] as const).reduce((best, mark) => count(mark) > count(best) ? mark : best);
}

/** Cells of one line, quotes taken off. */
export function cellsOf(line: string, delimiter: Delimiter = delimiterOf(line)): string[] {
  try {
    return parse(line, { delimiter, relax_quotes: true, relax_column_count: true })[0] ?? [];
  } catch {
    return line.split(delimiter);
  }
}

/** The line that was asked for last: every format looks at the same one. */
let known: { line: string; headers: string[] } | undefined;

/** Cells of a header line, as they are compared. */
export function headersOf(line: string): string[] {
  if (known?.line !== line) known = { line, headers: cellsOf(line).map(plainWord) };
  return known.headers;
}

/** Headers as a refusal names them: the first twenty, each cut short. */
export function headersAs(headers: string[]): string {
  const more = headers.length > 20 ? ` and ${headers.length - 20} more` : "";
  return headers.slice(0, 20).map((cell) => `"${cell.trim().slice(0, 40)}"`).join(", ") + more;
}

const COMMENT = /^\s*(#|%|\/\/)/;
const SEPARATOR = /^\s*"?sep=(.|\\t)"?\s*$/i;

export function headOf(text: string, file: string): Head {
  const lines = text.split(/\r\n|\n|\r/, 1000);
  let separator = "";
  let at = 0;
  while (
    at < lines.length &&
    (lines[at].trim() === "" || COMMENT.test(lines[at]) || SEPARATOR.test(lines[at]))
  ) {
    separator = SEPARATOR.exec(lines[at])?.[1].replace("\\t", "\t") ?? separator;
    at++;
  }
  // NumPy writes its header as a comment.
  const before = at > 0 ? lines[at - 1].replace(COMMENT, "") : "";
  if (at > 0 && at < lines.length && COMMENT.test(lines[at - 1]) && isHeader(before, lines[at])) {
    at--;
  }
  const first = at < lines.length ? lines[at] : lines.find((line) => line.trim() !== "") ?? "";
  const line = at < lines.length ? at + 1 : 1;
  return { file, text, first: first.replace(/^\s*#\s*(?!#)/, ""), line, separator };
}

/** Whether `header` names the columns of the row of numbers `row`. */
function isHeader(header: string, row: string): boolean {
  const delimiter = delimiterOf(row);
  const [names, numbers] = [header.split(delimiter), row.split(delimiter)];
  return names.length > 1 && names.length === numbers.length &&
    numbers.every((cell) => numberOf(cell, delimiter !== ",") !== undefined) &&
    names.every((cell) => numberOf(cell, delimiter !== ",") === undefined);
}

/** The delimiter of a table: what `sep=` says, else by the first line. */
export function delimiterOfHead({ first, separator }: Head): Delimiter {
  return [",", ";", "\t", "|"].includes(separator) ? separator as Delimiter : delimiterOf(first);
}
