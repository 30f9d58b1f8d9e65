/** Lines of the CSV files that the server writes. */
import { escapeFormula } from "./csv_formula.ts";

export type CsvValue = string | number | null;

/** Numbers as they are, null and NaN empty, texts safe from spreadsheets and quoted where needed. */
function cell(value: CsvValue): string {
  if (typeof value === "number") return Number.isNaN(value) ? "" : String(value);
  const text = escapeFormula(value ?? "");
  return /[",;\t\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** One line with its end. */
export const csvLine = (...values: CsvValue[]): string => values.map(cell).join(",") + "\n";
