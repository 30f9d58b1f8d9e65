/** Sorting and selecting among tens of millions of 32-bit floats in linear time, by their bits. */

const word = new Float32Array(1);
const bitsOfWord = new Uint32Array(word.buffer);

/** Unsigned integers in the same order as the floats they stand for (-0 just under 0); no NaN. */
export function keyOf(value: number): number {
  word[0] = value;
  return keyOfBits(bitsOfWord[0]);
}

/** The same from the float's bits. */
export function keyOfBits(bits: number): number {
  return (bits & 0x80000000 ? ~bits : bits | 0x80000000) >>> 0;
}

/** The float of a key. */
export function valueOf(key: number): number {
  bitsOfWord[0] = (key & 0x80000000 ? key & 0x7fffffff : ~key) >>> 0;
  return word[0];
}

/**
 * Places in ascending order of the last list of keys, of equals by the one before it and so on, of equals in all as
 * they came.
 * @param lists keys of every place: [lists][places]
 */
export function orderBy(lists: Uint32Array[]): Uint32Array<ArrayBuffer> {
  let order = Uint32Array.from(lists[0], (_, at) => at);
  let next = new Uint32Array(order.length);
  for (const keys of lists) {
    for (const shift of [0, 11, 22]) {
      const starts = new Uint32Array(2049);
      for (const key of keys) starts[(key >>> shift & 2047) + 1]++;
      for (let digit = 0; digit < 2048; digit++) starts[digit + 1] += starts[digit];
      for (const at of order) next[starts[keys[at] >>> shift & 2047]++] = at;
      [order, next] = [next, order];
    }
  }
  return order;
}

/** Sorts keys in ascending order (least significant digit first, 11 bits a pass). */
export function sortKeys(keys: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  if (keys.length < 4096) return keys.sort();
  let from = keys;
  let to = new Uint32Array(keys.length);
  for (const shift of [0, 11, 22]) {
    const next = new Uint32Array(2048);
    for (let i = 0; i < from.length; i++) next[(from[i] >>> shift) & 2047]++;
    for (let digit = 0, sum = 0; digit < 2048; digit++) {
      const count = next[digit];
      next[digit] = sum;
      sum += count;
    }
    for (let i = 0; i < from.length; i++) to[next[(from[i] >>> shift) & 2047]++] = from[i];
    [from, to] = [to, from];
  }
  return from;
}
