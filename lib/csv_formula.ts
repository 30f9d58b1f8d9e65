/**
 * Texts in CSV files that a spreadsheet would run as a formula: an
 * apostrophe before them makes them text, and is taken off again when the file is read.
 */

/** Does nothing to other texts; `unescapeFormula` undoes it exactly. */
export function escapeFormula(text: string): string {
  return /^'*[=+\-@\t\r]/.test(text) ? `'${text}` : text;
}

export function unescapeFormula(text: string): string {
  return /^'+[=+\-@\t\r]/.test(text) ? text.slice(1) : text;
}
