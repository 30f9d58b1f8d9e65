/** Convolution through shared memory, for GPUs: channels in fours by vectors, any number without. */
import weightCode from "@/kernels/conv2d_backward_weight_tiled.wgsl" with { type: "text" };
import tiledCode from "@/kernels/conv2d_tiled.wgsl" with { type: "text" };
import weightVectorCode from "@/kernels/conv2d_backward_weight_vec4.wgsl" with { type: "text" };
import vectorCode from "@/kernels/conv2d_vec4.wgsl" with { type: "text" };
import type { Gpu } from "../device.ts";
import type { Step } from "../step.ts";
import { reduce } from "./reduce.ts";
import { outputSize } from "./shape.ts";
import { backwardDataGemms, flipFilter, forwardGemm, gemmGrid, type ImplicitGemm } from "./gemm.ts";
import type { Variant, VariantContext } from "./variant.ts";
import type { Multiply } from "./winograd.ts";

/** Invocations of a workgroup along channels and rows, and what each computes of both: 4 or 8. */
export interface Tile {
  TX: number;
  TY: number;
  COLS: number;
  ROWS: number;
  /** Loads and stores four channels at once; then COLS and ROWS are 8, and C and K multiples of 4. */
  vectors?: boolean;
}

/** Workgroups that fill a large GPU. */
const ENOUGH = 512;
/** Pixels that the weight gradient looks up at once. */
const BLOCK = 64;
/** Most floats of partial sums: 64 MiB. */
const MOST = 2 ** 24;

/** Whether the device has room for a tile, and the channels suit it. */
function fits(tile: Tile): (gpu: Gpu, shape?: { C: number; K: number }) => boolean {
  const [columns, rows] = [tile.TX * tile.COLS, tile.TY * tile.ROWS];
  // Rows of the tile are longer than what they hold, so that they begin in different banks.
  const padded = tile.vectors ? rows * 5 / 4 : rows + 4;
  const bytes = 4 * 16 * (columns + padded) + 16 * Math.max(rows, BLOCK);
  return ({ limits }, { C, K } = { C: 4, K: 4 }) =>
    limits.maxComputeWorkgroupStorageSize >= bytes &&
    limits.maxComputeInvocationsPerWorkgroup >= tile.TX * tile.TY &&
    (!tile.vectors || (C % 4 === 0 && K % 4 === 0));
}

/** What of a tile the shader is told. */
function sizesOf({ TX, TY, COLS, ROWS, vectors }: Tile): Record<string, number> {
  return vectors ? { TX, TY } : { TX, TY, COLS, ROWS };
}

function step<B>(
  gemm: ImplicitGemm,
  tile: Tile,
  bind: { x: B; w: B; y: B; b?: B },
  { add, epilogue = {}, temporary }: Pick<VariantContext<B>, "add" | "epilogue" | "temporary">,
): Step<B> {
  const { x, w, y, b } = bind;
  const { residual, relu, statistics } = epilogue;
  return {
    code: tile.vectors ? vectorCode : tiledCode,
    constants: {
      ...{ ...sizesOf(tile), BIAS: +!!b, ADD: +add },
      ...{ RESIDUAL: +!!residual, RELU: +!!relu, STATISTICS: +!!statistics },
    },
    bind: {
      ...{ x, w, b: b ?? w, residual: residual ?? x, y },
      partial: statistics?.partial ?? temporary([2]),
    },
    params: { ...gemm.params, P: gemm.P },
    grid: gemmGrid(gemm, tile.TX * tile.COLS, tile.TY * tile.ROWS),
  };
}

/** Products of matrices, for Winograd's. */
export function tiledMultiply(tile: Tile): Multiply {
  return {
    fits: (gpu, shape) => fits(tile)(gpu, shape),
    step: (gemm, bind, context) => step(gemm, tile, bind, context),
  };
}

export function tiledForward(tile: Tile): Variant<"forward"> {
  const rows = tile.TY * tile.ROWS;
  return {
    fits: fits(tile),
    hasEpilogue: true,
    rows(shape, G) {
      const { P, Q } = outputSize(shape);
      return G === 1 || shape.N / G * P * Q % rows === 0 ? rows : 0;
    },
    steps: (shape, operands, context) => [step(forwardGemm(shape), tile, operands, context)],
  };
}

export function tiledBackwardData(tile: Tile): Variant<"backward_data"> {
  return {
    fits: fits(tile),
    steps(shape, { dy, w, dx }, { add, temporary }) {
      const flipped = temporary([shape.R * shape.S, shape.K, shape.C]);
      const bind = { x: dy, w: flipped, y: dx };
      return [
        flipFilter(shape, { w, flipped }),
        ...backwardDataGemms(shape, add).map((gemm) => step(gemm, tile, bind, { add, temporary })),
      ];
    },
  };
}

/** Split-K: shares of the pixels in parallel, then added up in order. */
export function tiledBackwardWeight(tile: Tile): Variant<"backward_weight"> {
  return {
    fits: fits(tile),
    steps(shape, { x, dy, dw }, { add, temporary }) {
      const { N, H, W, C, K, R, S, stride, padding } = shape;
      const { P, Q } = outputSize(shape);
      const pixels = N * P * Q;
      const n = R * S * C * K;
      const groups = [
        Math.ceil(K / (tile.TX * tile.COLS)),
        Math.ceil(S * C / (tile.TY * tile.ROWS)),
      ];
      const wanted = Math.ceil(ENOUGH / (groups[0] * groups[1] * R));
      const shares = Math.max(1, Math.min(wanted, Math.floor(MOST / n), Math.ceil(pixels / BLOCK)));
      const share = Math.ceil(pixels / shares / BLOCK) * BLOCK;
      const Z = Math.ceil(pixels / share);
      const part = Z > 1 ? temporary([Z, R, S, C, K]) : dw;
      const partial = {
        code: tile.vectors ? weightVectorCode : weightCode,
        constants: { ...sizesOf(tile), ADD: +(add && Z === 1) },
        bind: { x, dy, dw: part },
        params: {
          ...{ pixels, share, P, Q, H, WC: W * C, R, SC: S * C, K },
          ...{ stride, column: stride * C, image: H * W * C, top: padding, left: padding * C },
        },
        grid: [...groups, R * Z],
      };
      return Z > 1 ? [partial, reduce({ part, dw }, { n, Z, add })] : [partial];
    },
  };
}
