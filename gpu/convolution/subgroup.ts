/**
 * Convolution for adapters whose subgroups have 8 lanes, as Mesa's software driver has with 256-bit
 * vectors. There a load costs as much as ten multiplications and barriers are expensive, so values are
 * loaded once by neighbouring lanes and handed round, and nothing goes through shared memory.
 * Sums that do not fit into registers cost less than loads: blocks are large, and loops are short.
 */
import weightCode from "@/kernels/conv2d_backward_weight_subgroup.wgsl" with { type: "text" };
import subgroupCode from "@/kernels/conv2d_subgroup.wgsl" with { type: "text" };
import type { Gpu } from "../device.ts";
import type { Step } from "../step.ts";
import { reduce } from "./reduce.ts";
import { type ConvolutionShape, outputSize } from "./shape.ts";
import { backwardDataGemms, flipFilter, forwardGemm, gemmGrid, type ImplicitGemm } from "./gemm.ts";
import type { Variant, VariantContext } from "./variant.ts";
import type { Multiply } from "./winograd.ts";

const SUBGROUP_SIZE = 8;
/** Eights of output channels of a workgroup: as many as there are, 4 at most. */
function columnsOf(K: number): number {
  return K <= SUBGROUP_SIZE ? 1 : K <= 2 * SUBGROUP_SIZE ? 2 : 4;
}

/** Workgroups that keep the cores of a software adapter busy to the end. */
const FEWEST = 16;

function fits(gpu: Gpu): boolean {
  return gpu.features.subgroupSize === SUBGROUP_SIZE;
}

/** Whether a kernel's innermost order runs along the images or along a row of pixels. */
export type Order = "images" | "row";

interface Blocks {
  /** Pixels of a workgroup in eights: 1, 2, 4. */
  groups: number;
  order: Order;
}

function step<B>(
  gemm: ImplicitGemm,
  { groups, order }: Blocks,
  bind: { x: B; w: B; y: B; b?: B },
  { add, epilogue = {}, temporary }: Pick<VariantContext<B>, "add" | "epilogue" | "temporary">,
): Step<B> {
  const { x, w, y, b } = bind;
  const { N, P, K, padded, params } = gemm;
  const columns = columnsOf(K);
  const { residual, relu, statistics } = epilogue;
  const G = statistics?.groups ?? 1;
  return {
    code: subgroupCode,
    constants: {
      ...{ GROUPS: groups, COLUMNS: columns, CHECK: +padded },
      ...{ RESIDUAL: +!!residual, RELU: +!!relu, STATISTICS: +!!statistics },
    },
    bind: {
      ...{ x, w, b: b ?? w, residual: residual ?? x, y },
      partial: statistics?.partial ?? temporary([2]),
    },
    params: {
      ...{ ...params, N, P, images: +(order === "images"), bias: +!!b, add: +add },
      ...{ span: G > 1 && order === "images" ? N / G / (SUBGROUP_SIZE * groups) : 0, G },
    },
    grid: gemmGrid(gemm, SUBGROUP_SIZE * columns, SUBGROUP_SIZE * groups),
  };
}

/** Products of matrices, for Winograd's. */
export const subgroupMultiply: Multiply = {
  fits,
  step: (gemm, bind, context) => step(gemm, { groups: 4, order: "row" }, bind, context),
};

/** In which order workgroups belong to one group of images each: the wanted one, the other, or none. */
function orderFor({ groups, order }: Blocks, shape: ConvolutionShape, G: number) {
  const rows = SUBGROUP_SIZE * groups;
  const { P, Q } = outputSize(shape);
  const images = shape.N / G;
  const fit = { images: images % rows === 0, row: images * P * Q % rows === 0 };
  if (G === 1 || fit[order]) return order;
  const other = order === "images" ? "row" : "images";
  return fit[other] ? other : undefined;
}

/** @param groups pixels of a workgroup in eights: 1, 2, 4 */
export function subgroupForward(groups: number, order: Order): Variant<"forward"> {
  return {
    fits,
    hasEpilogue: true,
    rows: (shape, G) => orderFor({ groups, order }, shape, G) ? SUBGROUP_SIZE * groups : 0,
    steps(shape, operands, context) {
      const G = context.epilogue?.statistics?.groups ?? 1;
      const blocks = { groups, order: orderFor({ groups, order }, shape, G)! };
      return [step(forwardGemm(shape), blocks, operands, context)];
    },
  };
}

/** @param groups pixels of a workgroup in eights: 1, 2, 4 */
export function subgroupBackwardData(groups: number, order: Order): Variant<"backward_data"> {
  return {
    fits,
    steps(shape, { dy, w, dx }, { add, temporary }) {
      const flipped = temporary([shape.R * shape.S, shape.K, shape.C]);
      const bind = { x: dy, w: flipped, y: dx };
      return [
        flipFilter(shape, { w, flipped }),
        ...backwardDataGemms(shape, add).map((gemm) =>
          step(gemm, { groups, order }, bind, { add, temporary })
        ),
      ];
    },
  };
}

/** @param groups neighbours in (s, c) of a workgroup in eights: 1, 2, 4 */
export function subgroupBackwardWeight(groups: number, order: Order): Variant<"backward_weight"> {
  return {
    fits,
    steps(shape, { x, dy, dw }, { add, temporary }) {
      const { N, H, W, C, K, R, S, stride, padding } = shape;
      const { P, Q } = outputSize(shape);
      const columns = columnsOf(K);
      const tiles = [
        Math.ceil(K / SUBGROUP_SIZE / columns),
        Math.ceil(S * C / (SUBGROUP_SIZE * groups)),
      ];
      const shares = Math.min(N, Math.ceil(FEWEST / (tiles[0] * tiles[1] * R)));
      const share = Math.ceil(N / shares);
      const Z = Math.ceil(N / share);
      const part = Z > 1 ? temporary([Z, R, S, C, K]) : dw;
      const partial = {
        code: weightCode,
        constants: { GROUPS: groups, COLUMNS: columns, MIXED: +(C % (SUBGROUP_SIZE * groups) > 0) },
        bind: { x, dy, dw: part },
        params: {
          ...{ N, share, H, W, C, R, SC: S * C, P, Q, K, stride, top: padding, left: padding },
          ...{ images: +(order === "images"), add: +(add && Z === 1) },
        },
        grid: [...tiles, R * Z],
      };
      return Z > 1 ? [partial, reduce({ part, dw }, { n: R * S * C * K, Z, add })] : [partial];
    },
  };
}
