/** Learnt positions of one grid of patches for another, as timm's `resample_abs_pos_embed` makes them. */
import { InvalidInput } from "@/lib/errors.ts";
import type { WeightTensor } from "./pth.ts";

/** Of Keys' cubic kernel, as Pillow and PyTorch have it where they smooth. */
const A = -0.5;

/**
 * `[1, 1 + h w, C] -> [1, 1 + H W, C]`: the class token's position stays, the others are resampled bicubically
 * and smoothed where the grid shrinks.
 * @param to H and W of the grid that is wanted
 * @throws {InvalidInput} when the positions are of no square grid
 */
export function resampledPositions(
  { shape, data }: WeightTensor,
  [H, W]: readonly [number, number],
): WeightTensor {
  const [, tokens, C] = shape;
  const side = Math.round(Math.sqrt(tokens - 1));
  if (side < 1 || side * side !== tokens - 1) {
    throw new InvalidInput(
      `Cannot use positions of ${tokens} tokens for ${H} x ${W} patches: only those of a square grid ` +
        `and a class token can be resampled, and ${tokens - 1} is no square`,
    );
  }
  const across = weights(side, W);
  const down = weights(side, H);
  const rows = new Float64Array(side * W * C);
  across.forEach((taps, q) => {
    for (const { at, weight } of taps) {
      for (let p = 0; p < side; p++) {
        for (let c = 0; c < C; c++) {
          rows[(p * W + q) * C + c] += weight * data[(1 + p * side + at) * C + c];
        }
      }
    }
  });
  const out = new Float32Array((1 + H * W) * C);
  out.set(data.subarray(0, C));
  const row = new Float64Array(W * C);
  down.forEach((taps, p) => {
    row.fill(0);
    for (const { at, weight } of taps) {
      for (let i = 0; i < W * C; i++) row[i] += weight * rows[at * W * C + i];
    }
    out.set(row, (1 + p * W) * C);
  });
  return { shape: [1, 1 + H * W, C], data: out };
}

/** What each of `to` places takes of `from` places. */
function weights(from: number, to: number): { at: number; weight: number }[][] {
  const scale = from / to;
  const stretch = Math.max(1, scale);
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - 2 * stretch + 0.5));
    const end = Math.min(from, Math.trunc(centre + 2 * stretch + 0.5));
    const taps = Array.from({ length: end - first }, (_, k) => ({
      at: first + k,
      weight: cubic((first + k + 0.5 - centre) / stretch),
    }));
    const sum = taps.reduce((total, { weight }) => total + weight, 0);
    return taps.map(({ at, weight }) => ({ at, weight: weight / sum }));
  });
}

function cubic(x: number): number {
  const d = Math.abs(x);
  if (d < 1) return ((A + 2) * d - (A + 3)) * d * d + 1;
  return d < 2 ? ((d - 5) * d + 8) * d * A - 4 * A : 0;
}
