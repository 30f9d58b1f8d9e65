/** Order of a weight's elements here and in PyTorch. */
import type { Shape } from "./tensor.ts";

/**
 * - `conv`: `[R, S, C, K]` here, `[K, C, R, S]` in PyTorch; C may be padded by zeros
 * - `linear`: `[in, out]` here, `[out, in]` in PyTorch
 * - `plain`: the same in both
 */
export type Layout = "conv" | "linear" | "plain";

export interface Laid {
  layout: Layout;
  /** As kept here. */
  shape: Shape;
  /** Real input channels of a `conv` weight, C or less. */
  channels: number;
}

/** Shape in PyTorch. */
export function torchShape({ layout, shape, channels }: Laid): number[] {
  if (layout === "conv") return [shape[3], channels, shape[0], shape[1]];
  if (layout === "linear") return [shape[1], shape[0]];
  return [...shape];
}

/** From PyTorch's order; channels of the padding become 0. */
export function fromTorch(laid: Laid, data: Float32Array): Float32Array<ArrayBuffer> {
  return moved(laid, data, (to, from, engine, torch) => {
    to[engine] = from[torch];
  }, laid.shape.reduce((product, size) => product * size, 1));
}

/** To PyTorch's order; channels of the padding are left out. */
export function toTorch(laid: Laid, data: Float32Array): Float32Array<ArrayBuffer> {
  return moved(laid, data, (to, from, engine, torch) => {
    to[torch] = from[engine];
  }, torchShape(laid).reduce((product, size) => product * size, 1));
}

function moved(
  { layout, shape, channels }: Laid,
  from: Float32Array,
  move: (to: Float32Array, from: Float32Array, engine: number, torch: number) => void,
  length: number,
): Float32Array<ArrayBuffer> {
  if (layout === "plain") return Float32Array.from(from);
  const to = new Float32Array(length);
  const [taps, C, K] = layout === "conv"
    ? [shape[0] * shape[1], shape[2], shape[3]]
    : [1, shape[0], shape[1]];
  const real = layout === "conv" ? channels : C;
  for (let tap = 0; tap < taps; tap++) {
    for (let c = 0; c < real; c++) {
      const row = (tap * C + c) * K;
      for (let k = 0; k < K; k++) move(to, from, row + k, (k * real + c) * taps + tap);
    }
  }
  return to;
}
