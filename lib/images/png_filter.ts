/** The five row filters of PNG (ISO/IEC 15948, section 9). */
import { InvalidInput } from "@/lib/errors.ts";

/** The neighbour nearest to left + up - up-left. */
function paeth(a: number, b: number, c: number): number {
  const pa = Math.abs(b - c), pb = Math.abs(a - c), pc = Math.abs(a + b - 2 * c);
  return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
}

/**
 * Undoes the filter of one row in place. `above` is the row before it, zeros for the first; `step`
 * the distance in bytes to the pixel on the left. Throws InvalidInput.
 */
export function unfilterRow(type: number, row: Uint8Array, above: Uint8Array, step: number): void {
  const { length } = row;
  switch (type) {
    case 0:
      return;
    case 1:
      for (let i = step; i < length; i++) row[i] += row[i - step];
      return;
    case 2:
      for (let i = 0; i < length; i++) row[i] += above[i];
      return;
    case 3:
      for (let i = 0; i < length; i++) {
        row[i] += ((i >= step ? row[i - step] : 0) + above[i]) >> 1;
      }
      return;
    case 4:
      for (let i = 0; i < length; i++) {
        row[i] += i >= step ? paeth(row[i - step], above[i], above[i - step]) : above[i];
      }
      return;
    default:
      throw new InvalidInput(`Cannot decode PNG: row filter ${type} does not exist`);
  }
}

/** [rows, length] -> [rows, 1 + length] with the "sub" or "up" filter, whichever row is smaller. */
export function filter(data: Uint8Array, rows: number, length: number, step: number): Uint8Array {
  const out = new Uint8Array(rows * (length + 1));
  for (let row = 0; row < rows; row++) {
    const from = row * length;
    const to = row * (length + 1) + 1;
    let sub = 0, up = 0;
    for (let i = 0; i < length; i++) {
      const value = data[from + i];
      // Small differences of either sign count as small.
      sub += Math.abs(((value - (i >= step ? data[from + i - step] : 0)) << 24) >> 24);
      up += Math.abs(((value - (row > 0 ? data[from - length + i] : 0)) << 24) >> 24);
    }
    const type = out[to - 1] = sub <= up ? 1 : 2;
    for (let i = 0; i < length; i++) {
      const before = type === 1
        ? (i >= step ? data[from + i - step] : 0)
        : (row > 0 ? data[from - length + i] : 0);
      out[to + i] = data[from + i] - before;
    }
  }
  return out;
}
