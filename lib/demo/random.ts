/**
 * Random numbers of the made-up sets: they follow from a seed and a name, so that the order of use elsewhere
 * changes nothing here. Not `lib/random.ts`, whose numbers are others: the sets of a seed, and with them the
 * digests and the published figures of the study (`bench/STUDY.md`), shall stay what they are.
 */

export interface Random {
  /** In [0, 1). */
  uniform(): number;
  /** Mean 0, standard deviation 1. */
  normal(): number;
}

/** A generator of its own for each (seed, name): splitmix-like steps over a hashed 32-bit state. */
export function random(seed: number, name: string): Random {
  let state = 0x9e3779b9 ^ seed;
  for (const character of name) {
    state = Math.imul(state ^ character.codePointAt(0)!, 0x85ebca6b);
    state ^= state >>> 15;
  }
  const uniform = () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
  return {
    uniform,
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
  };
}
