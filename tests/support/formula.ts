/** Weights and inputs that are a formula, as the metadata of `../shared/goldens` give it. */
import { torchShape } from "@/gpu/weight_layout.ts";
import type { Entry, Weight } from "@/gpu/parameters.ts";

export function unit(i: number): number {
  const value = 43758.5453 * Math.sin(i);
  return 2 * (value - Math.floor(value)) - 1;
}

/**
 * The images that a reference file describes in words, like `unit(i + 7000 + 0.25 k), shape 8x3x32x32`.
 * @param values of the letters in it other than i
 * @throws {Error} of words that are not such a formula
 */
export function describedImages(
  words: string,
  values: Record<string, number> = {},
): Float32Array<ArrayBuffer> {
  const [, terms] = /unit\(i((?: \+ [\d.]+(?: [a-z])?)+)\)/.exec(words) ?? [];
  const [, N, S, width] = /shape (\d+)x3x(\d+)x(\d+)/.exec(words) ?? [];
  if (!terms || !S || S !== width) throw new Error(`No formula of square RGB images: "${words}"`);
  const shift = [...terms.matchAll(/ \+ ([\d.]+)(?: ([a-z]))?/g)].reduce(
    (sum, [, factor, letter]) => {
      const value = letter ? values[letter] : 1;
      if (value === undefined) throw new Error(`"${words}" needs a value for ${letter}`);
      return sum + Number(factor) * value;
    },
    0,
  );
  return images(Number(N), Number(S), shift);
}

/** Images `[N, 3, S, S]` of the formula, as `[N, S, S, 4]`; `shift` is added to the flat index. */
export function images(N: number, S: number, shift = 7000): Float32Array<ArrayBuffer> {
  const out = new Float32Array(N * S * S * 4);
  for (let i = 0; i < N * 3 * S * S; i++) {
    const [n, c, at] = [Math.floor(i / (3 * S * S)), Math.floor(i / (S * S)) % 3, i % (S * S)];
    out[(n * S * S + at) * 4 + c] = unit(i + shift);
  }
  return out;
}

/**
 * Parameters of one module, which must be given in `named_parameters` order (statistics are left out).
 * @param small the last norm of a residual block
 */
export function parameters(entries: Entry[], small?: RegExp): Map<string, Weight> {
  const weights = new Map<string, Weight>();
  entries.filter(({ section }) => section !== "statistics").forEach((entry, k) => {
    const shape = torchShape(entry);
    const size = shape.reduce((product, side) => product * side, 1);
    const data = new Float32Array(size);
    const norm = shape.length === 1 && entry.name.endsWith("weight");
    for (let i = 0; i < size; i++) {
      const u = unit(i + 1 + 0.1 * k);
      if (shape.length > 1) data[i] = Math.sqrt(6 / (size / shape[0])) * u;
      else if (!norm) data[i] = 0.1 * u;
      else data[i] = (1 + 0.1 * u) * (small?.test(entry.name) ? 0.2 : 1);
    }
    weights.set(entry.name, { shape, data });
  });
  return weights;
}

/** Numbers of the formula: `shift` is added to the flat index, and `factor` scales what comes. */
export function formula(shape: readonly number[], shift: number, factor = 1): Weight {
  const length = shape.reduce((product, side) => product * side, 1);
  const data = Float32Array.from({ length }, (_, i) => Math.fround(unit(i + shift)) * factor);
  return { shape: [...shape], data };
}
