/**
 * Counter-based random numbers: a value is a function of its place (seed, epoch, image, view, parameter),
 * so nothing has to be stored to go on from a checkpoint, and one draw never shifts another.
 */

/** 32 random bits of a list of integers: each is mixed in by murmur3's finaliser, which is a bijection. */
export function bits(...place: number[]): number {
  let h = 0x9e3779b9;
  for (const word of place) {
    h = mix((Math.imul(h, 0x2c1b3c6d) + (word | 0)) | 0);
    const high = Math.trunc(word / 4294967296);
    if (high !== 0) h = mix(h ^ Math.imul(high | 0, 0x297a2d39));
  }
  return mix(h ^ place.length);
}

/** Uniform in [0, 1). */
export function uniform(...place: number[]): number {
  return bits(...place) / 4294967296;
}

/**
 * The i-th number of the stream that `start` (32 bits) begins, uniform in [0, 1): as `uniform`, for loops over
 * millions of places (the finaliser over a Weyl sequence).
 */
export function nth(start: number, i: number): number {
  return mix((start + Math.imul(i, 0x9e3779b9)) | 0) / 4294967296;
}

/** Uniform integer in [0, n). */
export function below(n: number, ...place: number[]): number {
  return Math.floor(uniform(...place) * n);
}

/** Standard normal (Box-Muller). */
export function normal(...place: number[]): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniform(...place, 0)));
  return radius * Math.cos(2 * Math.PI * uniform(...place, 1));
}

/** A number for a name, to keep streams apart: `bits(seed, stream("order"), epoch)`. */
export function stream(name: string): number {
  let h = name.length;
  for (let i = 0; i < name.length; i++) h = mix((Math.imul(h, 31) + name.charCodeAt(i)) | 0);
  return h;
}

/** A random order of 0..n-1 (Fisher-Yates). */
export function permutation(n: number, ...place: number[]): Uint32Array<ArrayBuffer> {
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = below(i + 1, ...place, i);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

function mix(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
