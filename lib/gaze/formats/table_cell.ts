/** Cells of tables: strict numbers, and the ways of saying that there is none. */

const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const MISSING = new Set(["", "nan", "n/a", "na", ".", "-", "null", "none", "missing"]);

/**
 * The number in a cell: NaN where there is none, undefined where it is not a finite number.
 * @param comma whether a decimal comma may stand for the point (where commas do not separate the cells)
 */
export function numberOf(cell: string | undefined, comma = false): number | undefined {
  if (cell === undefined) return NaN;
  const text = cell.trim();
  if (NUMBER.test(text)) return finite(text);
  if (comma && text.includes(",")) {
    const point = text.replace(",", ".");
    if (NUMBER.test(point)) return finite(point);
  }
  return MISSING.has(text.toLowerCase().replace(/^[+-](?=nan$)/, "")) ? NaN : undefined;
}

/** A number too large for a double is no number. */
function finite(text: string): number | undefined {
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/** The same for a position: -1 stands for a missing one too. */
export function positionOf(cell: string | undefined, comma = false): number | undefined {
  const value = numberOf(cell, comma);
  return value === -1 ? NaN : value;
}

/** A header or a word in the form it is compared in. */
export function plainWord(cell: string | undefined): string {
  return cell?.trim().toLowerCase() ?? "";
}

/** Words for yes of Python, R, Excel and Tobii. */
export function isYes(cell: string | undefined): boolean {
  return /^(1(\.0*)?|true|t|yes|valid)$/.test(plainWord(cell));
}
