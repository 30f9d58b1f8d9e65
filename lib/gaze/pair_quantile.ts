/** The valid pairs i < j of a similarity matrix, as sortable keys. */
import { keyOfBits, valueOf } from "./radix_sort.ts";

/** Number of rows of a square matrix. */
export function sideOf(values: Float32Array): number {
  const n = Math.round(Math.sqrt(values.length));
  if (n * n !== values.length) {
    throw new Error(`Cannot take ${values.length} similarities for a square matrix`);
  }
  return n;
}

/** Calls `visit` with the key of every valid pair i < j; NaN is invalid. `values`: [N, N]. */
export function eachPair(
  values: Float32Array,
  visit: (key: number, i: number, j: number) => void,
): void {
  const n = sideOf(values);
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) {
      const pair = bits[i * n + j];
      if ((pair & 0x7fffffff) > 0x7f800000) continue;
      // -0 and 0 are equal, their bits are not.
      visit(pair === 0x80000000 ? 0x80000000 : keyOfBits(pair), i, j);
    }
  }
}

/**
 * The cut above which the top `share` of the valid pairs lies: a value that pairs must exceed. Equal similarities
 * stand or fall together: of the two possible cuts at a tie the one that comes closer to the share is taken, and
 * never the one that leaves no pair.
 * @returns cut (a value), null where there is no valid pair; `valid`: number of valid pairs
 */
export function quantileCut(
  values: Float32Array,
  share: number,
): { cut: number | null; valid: number } {
  const high = new Uint32Array(65536);
  let valid = 0;
  eachPair(values, (key) => {
    high[key >>> 16]++;
    valid++;
  });
  if (valid === 0) return { cut: null, valid };
  const wanted = Math.min(valid, Math.max(1, Math.round(share * valid)));
  // The key of the last pair wanted, by its upper half, then its lower half.
  let above = 0;
  let upper = 65535;
  while (above + high[upper] < wanted) above += high[upper--];
  const low = new Uint32Array(65536);
  let below = -1; // greatest key under the upper half found
  eachPair(values, (key) => {
    const half = key >>> 16;
    if (half === upper) low[key & 0xffff]++;
    else if (half < upper && key > below) below = key;
  });
  let lower = 65535;
  while (above + low[lower] < wanted) above += low[lower--];
  const last = upper * 65536 + lower;
  const ties = low[lower];
  if (above > 0 && wanted - above < above + ties - wanted) return { cut: valueOf(last), valid };
  for (let half = lower - 1; half >= 0; half--) {
    if (low[half] > 0) return { cut: valueOf(upper * 65536 + half), valid };
  }
  if (below >= 0) return { cut: valueOf(below), valid };
  // All that is left is equal: the next float down, which for 0 is not -0.
  return { cut: valueOf(last === 0x80000000 ? last - 2 : last - 1), valid };
}
