import flipCode from "@/kernels/conv2d_flip_filter.wgsl" with { type: "text" };
import type { Params } from "../kernel.ts";
import type { Step } from "../step.ts";
import { type ConvolutionShape, outputSize } from "./shape.ts";

/**
 * A convolution as one product of matrices whose left side, the pixels under the filter, is never stored
 * (implicit GEMM): what the kernels `conv2d_subgroup` and `conv2d_tiled` compute. The forward pass is one;
 * the data gradient is one for each phase of the stride.
 */
export interface ImplicitGemm {
  N: number;
  /** Height and width of what is written. */
  P: number;
  Q: number;
  /** Output channels. */
  K: number;
  /** Whether some tap reaches out of the image. */
  padded: boolean;
  /** Elements of a reduction along one row of the filter, S C. */
  SC: number;
  params: Params;
}

/** y from x and w. */
export function forwardGemm(shape: ConvolutionShape): ImplicitGemm {
  const { N, H, W, C, K, R, S, stride, padding } = shape;
  const { P, Q } = outputSize(shape);
  const params = {
    ...{ pixels: N * P * Q, Q, H, WC: W * C, R, SC: S * C, K },
    ...{ stride, column: stride * C, image: H * W * C, top: padding, left: padding * C },
    ...{ weights: 0, y_first: 0, y_image: P * Q * K, y_row: Q * K, y_column: K },
  };
  return { N, P, Q, K, padded: padding > 0, SC: S * C, params };
}

/**
 * dx from dy and flipped weights: pixels (phase, phase + stride, ...) of dx are reached by the same taps,
 * over which dy is read with stride 1, so that no zero is inserted.
 * @param add phases that no tap reaches are left out, instead of written with zeros
 */
export function backwardDataGemms(shape: ConvolutionShape, add: boolean): ImplicitGemm[] {
  const { N, H, W, C, K, R, S, stride, padding } = shape;
  const { P, Q } = outputSize(shape);
  const columns = phasesOf(W, S, stride, padding);
  const phases = phasesOf(H, R, stride, padding).flatMap((i) => columns.map((j) => ({ i, j })));
  const needed = phases.filter(({ i, j }) =>
    i.size * j.size > 0 && !(add && i.taps * j.taps === 0)
  );
  return needed.map(({ i, j }) => ({
    N,
    P: i.size,
    Q: j.size,
    K: C,
    padded: [i.pad, j.pad].some((pad) => pad !== 0) || [i.taps, j.taps].some((n) => n !== 1) ||
      i.size > P || j.size > Q,
    SC: j.taps * K,
    params: {
      ...{ pixels: N * i.size * j.size, Q: j.size, H: P, WC: Q * K, R: i.taps, SC: j.taps * K },
      ...{ K: C, stride: 1, column: K, image: P * Q * K, top: i.pad, left: j.pad * K },
      weights: (i.before * S + i.taps * j.before) * K * C,
      y_first: (i.phase * W + j.phase) * C,
      ...{ y_image: H * W * C, y_row: stride * W * C, y_column: stride * C },
    },
  }));
}

/** Flips `w [R, S, C, K]` into `[R S, K, C]`, its taps sorted as `backwardDataGemms` needs them. */
export function flipFilter<B>(
  shape: ConvolutionShape,
  { w, flipped }: { w: B; flipped: B },
): Step<B> {
  const { C, K, R, S, stride } = shape;
  return {
    code: flipCode,
    bind: { w, flipped },
    params: { R, S, C, K, stride },
    grid: [Math.ceil(C / 64), Math.ceil(K / 32), R * S],
  };
}

/** Pixels phase, phase + stride, ... of a side, and the taps that reach them. */
function phasesOf(size: number, taps: number, stride: number, padding: number) {
  return Array.from({ length: stride }, (_, phase) => {
    const first = (phase + padding) % stride;
    const count = Math.max(0, Math.ceil((taps - first) / stride));
    return {
      phase,
      size: Math.ceil((size - phase) / stride),
      taps: count,
      before: Math.floor(taps / stride) * first + Math.min(taps % stride, first),
      pad: count - 1 - (phase + padding - first) / stride,
    };
  });
}

/** Workgroups along y; more go to z. */
const MOST = 32768;

/** Workgroups of a product in tiles of `channels` by `pixels`. */
export function gemmGrid({ params, K }: ImplicitGemm, channels: number, pixels: number): number[] {
  const groups = Math.ceil(params.pixels as number / pixels);
  return [Math.ceil(K / channels), Math.min(groups, MOST), Math.ceil(groups / MOST)];
}

/** Workgroups of 64 for n elements, over x and y. */
export function elementGrid(n: number): number[] {
  const groups = Math.ceil(n / 64);
  const rows = Math.ceil(groups / MOST);
  return [Math.ceil(groups / rows), rows];
}
