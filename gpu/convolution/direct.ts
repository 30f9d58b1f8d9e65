/** Convolution without subgroups or shared memory, for any adapter; channels come in fours, maps in f32. */
import dataCode from "@/kernels/conv2d_backward_data.wgsl" with { type: "text" };
import weightCode from "@/kernels/conv2d_backward_weight.wgsl" with { type: "text" };
import forwardCode from "@/kernels/conv2d_forward.wgsl" with { type: "text" };
import type { Gpu } from "../device.ts";
import { reduce } from "./reduce.ts";
import { type ConvolutionShape, outputSize } from "./shape.ts";
import type { Precision } from "../tensor.ts";
import type { Variant } from "./variant.ts";

/** Pixels that one workgroup of the forward and data-gradient kernels covers. */
const PIXELS = 256;

function fits(_gpu: Gpu, { C, K }: ConvolutionShape, precision: Precision = "f32"): boolean {
  return precision === "f32" && C % 4 === 0 && K % 4 === 0;
}

export const directForward: Variant<"forward"> = {
  // A product of matrices may come with a bias, which this kernel does not add.
  fits: (gpu, shape, precision) =>
    fits(gpu, shape, precision) && (shape.H > 1 || shape.W > 1 || shape.R > 1),
  steps({ N, H, W, C, K, R, S, stride, padding }, { x, w, y, b }) {
    if (b !== undefined) throw new Error("Cannot add a bias in the direct convolution");
    const { P, Q } = outputSize({ N, H, W, C, K, R, S, stride, padding });
    return [{
      code: forwardCode,
      bind: { x, w, y },
      params: { pixels: N * P * Q, H, W, C, P, Q, K, R, S, stride, pad: padding },
      grid: [Math.ceil(N * P * Q / PIXELS), Math.ceil(K / 8)],
    }];
  },
};

export const directBackwardData: Variant<"backward_data"> = {
  fits,
  steps(shape, { dy, w, dx }, { add }) {
    const { N, H, W, C, K, R, S, stride, padding } = shape;
    const { P, Q } = outputSize(shape);
    const pixels = N * Math.ceil(H / stride) * Math.ceil(W / stride);
    return [{
      code: dataCode,
      constants: { ADD: +add },
      bind: { dy, w, dx },
      params: { N, H, W, C, P, Q, K, R, S, stride, pad: padding },
      grid: [Math.ceil(pixels / PIXELS), Math.ceil(C / 8), stride * stride],
    }];
  },
};

export const directBackwardWeight: Variant<"backward_weight"> = {
  fits,
  steps(shape, { x, dy, dw }, { gpu, add, temporary }) {
    const { N, H, W, C, K, R, S, stride, padding } = shape;
    const { P, Q } = outputSize(shape);
    const shares = rowShares(gpu, N * P, R * S * C, K);
    const part = temporary([shares.count, R, S, C, K]);
    const n = R * S * C * K;
    return [{
      code: weightCode,
      bind: { x, dy, part },
      params: {
        ...{ rows: N * P, share: shares.rows, H, W, C, P, Q, K },
        ...{ S, taps: R * S, stride, pad: padding },
      },
      grid: [Math.ceil(R * S * C / 4 / 64), Math.ceil(K / 8), shares.count],
    }, reduce({ part, dw }, { n, Z: shares.count, add })];
  },
};

/**
 * Split-K of the weight gradient: how many shares of the rows make enough workgroups for the adapter,
 * at most 64 MiB of partial sums. A function of shape and adapter only, so results repeat.
 */
function rowShares(gpu: Gpu, rows: number, inputs: number, K: number) {
  const wanted = gpu.info.software ? 8 : 512;
  const groups = Math.ceil(inputs / 4 / 64) * Math.ceil(K / 8);
  const most = Math.max(1, Math.floor(2 ** 24 / (inputs * K)));
  const count = Math.min(rows, most, Math.ceil(wanted / groups));
  const share = Math.ceil(rows / count);
  return { rows: share, count: Math.ceil(rows / share) };
}
