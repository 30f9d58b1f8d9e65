/** Damage to a file, by a seed: what a bad disk, a bad line or a bad mind makes of it. */
import type { Dice } from "../gaze/meaning/dice.ts";

type Damage = (bytes: Uint8Array, at: number, dice: Dice) => Uint8Array;

const joined = (...parts: Uint8Array[]) => {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
};

const noise = (length: number, dice: Dice) => Uint8Array.from({ length }, () => dice.whole(0, 255));

/** Lengths, sizes and counts that readers trip over, in either byte order. */
const WORDS = [0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];
const TEXTS = ["-1", "NaN", "1e999", "-0", "9007199254740993", "0x10", "\0", "../../x", "=1+1"];

const damages: Damage[] = [
  function flip(bytes, at, dice) {
    const out = bytes.slice();
    out[at] ^= 1 << dice.whole(0, 7);
    return out;
  },
  function byte(bytes, at, dice) {
    const out = bytes.slice();
    out[at] = dice.pick([0, 0xff, 0x7f, 0x80, 0x0a, 0x2c, 0x22]);
    return out;
  },
  function cut(bytes, at) {
    return bytes.slice(0, at);
  },
  function word(bytes, at, dice) {
    const out = bytes.slice();
    if (at + 4 > out.length) return out;
    new DataView(out.buffer).setUint32(at, dice.pick([...WORDS, out.length]), dice.chance(0.5));
    return out;
  },
  function long(bytes, at, dice) {
    const out = bytes.slice();
    if (at + 8 > out.length) return out;
    const value = dice.pick([0n, 2n ** 53n, 2n ** 63n - 1n, 2n ** 64n - 1n, BigInt(out.length)]);
    new DataView(out.buffer).setBigUint64(at, value, dice.chance(0.5));
    return out;
  },
  function repeat(bytes, at, dice) {
    const piece = bytes.subarray(at, at + dice.whole(1, 300));
    return joined(bytes.subarray(0, at), piece, piece, bytes.subarray(at + piece.length));
  },
  function remove(bytes, at, dice) {
    return joined(bytes.subarray(0, at), bytes.subarray(at + dice.whole(1, 80)));
  },
  function insert(bytes, at, dice) {
    return joined(bytes.subarray(0, at), noise(dice.whole(1, 40), dice), bytes.subarray(at));
  },
  function text(bytes, at, dice) {
    const word = new TextEncoder().encode(dice.pick(TEXTS));
    return joined(bytes.subarray(0, at), word, bytes.subarray(at + word.length));
  },
];

/** A copy with one to some damages; half of them near the beginning, where headers are. */
export function mutate(source: Uint8Array, dice: Dice): Uint8Array<ArrayBuffer> {
  let bytes = source;
  for (let left = dice.pick([1, 1, 1, 2, 4, 12]); left > 0 && bytes.length > 0; left--) {
    const range = dice.chance(0.5) ? bytes.length : Math.min(bytes.length, 512);
    bytes = dice.pick(damages)(bytes, dice.whole(0, range - 1), dice);
  }
  return new Uint8Array(bytes);
}

/** Values that a field of JSON may not be ready for. */
const VALUES: unknown[] = [
  ...[null, true, -1, 0, 1.5, 1e308, -1e308, 2 ** 53, 1e-320, -0, "", "1", "NaN", "\0"],
  ...["a".repeat(5000), "__proto__", "../../x", "\u{1f480}", "\ud800", [], {}, [[]], [1, 2]],
  Array(2000).fill(null),
  { a: { b: {} } },
];
const NAMES = ["__proto__", "constructor", "seed", "width", "toString", "x"];

interface Place {
  within: Record<string, unknown>;
  key: string;
}

function* places(value: unknown): Generator<Place> {
  if (typeof value !== "object" || value === null) return;
  for (const key of Object.keys(value)) {
    yield { within: value as Record<string, unknown>, key };
    yield* places((value as Record<string, unknown>)[key]);
  }
}

/** JSON whose fields have other values, are gone, or have company; now and then no JSON at all. */
export function mutateJson(value: unknown, dice: Dice): Uint8Array<ArrayBuffer> {
  const copy = structuredClone(value);
  for (let left = dice.pick([1, 1, 2, 3]); left > 0; left--) {
    const all = [...places(copy)];
    if (all.length === 0) break;
    const { within, key } = dice.pick(all);
    const what = dice.next();
    // A copy, since what is put in may be changed in turn; defined, since "__proto__" would not be set.
    const put = (key: string) =>
      Object.defineProperty(within, key, {
        value: structuredClone(dice.pick(VALUES)),
        ...{ enumerable: true, writable: true, configurable: true },
      });
    if (what < 0.1) delete within[key];
    else put(what < 0.25 && !Array.isArray(within) ? dice.pick(NAMES) : key);
  }
  const text = JSON.stringify(copy).replace("1e+308", dice.pick(["1e308", "1e309", "-1e309"]));
  const bytes = new TextEncoder().encode(text);
  return dice.chance(0.1) ? mutate(bytes, dice) : bytes;
}
