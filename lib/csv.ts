/** CSV as the server writes it. Files that come in are read by csv-parse. */

export type CsvValue = string | number | null | undefined;

/** Numbers as they are, nothing and NaN empty, texts safe from spreadsheets and quoted where needed. */
function cell(value: CsvValue): string {
  if (typeof value === "number") return Number.isNaN(value) ? "" : String(value);
  const text = escapeFormula(value ?? "");
  return /[",;\t\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** One line with its end. */
export const csvLine = (...values: CsvValue[]): string => values.map(cell).join(",") + "\n";

/**
 * A text that a spreadsheet would run as a formula gets an apostrophe before it, which makes it text; the
 * apostrophe is taken off again when the file is read. Does nothing to other texts; `unescapeFormula` undoes
 * it exactly.
 */
export function escapeFormula(text: string): string {
  return /^'*[=+\-@\t\r]/.test(text) ? `'${text}` : text;
}

export function unescapeFormula(text: string): string {
  return /^'+[=+\-@\t\r]/.test(text) ? text.slice(1) : text;
}
