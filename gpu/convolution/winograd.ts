/**
 * 3x3 convolution of stride 1 by Winograd's F(2x2, 3x3), Lavin and Gray 2016 (arXiv 1509.09308): 16
 * products of matrices for tiles of 4 x 4 pixels, with 2.25 times fewer multiplications and four times the
 * memory of the input. Filters are transformed anew in every pass, since every step changes them.
 */
import filterCode from "@/kernels/winograd_filter.wgsl" with { type: "text" };
import inputCode from "@/kernels/winograd_input.wgsl" with { type: "text" };
import outputCode from "@/kernels/winograd_output.wgsl" with { type: "text" };
import type { Gpu } from "../device.ts";
import type { Step } from "../step.ts";
import { type ConvolutionShape, outputSize } from "./shape.ts";
import { elementGrid, flipFilter, type ImplicitGemm } from "./gemm.ts";
import type { Variant, VariantContext } from "./variant.ts";

/** How the products are computed: by conv2d_subgroup or conv2d_tiled. */
export interface Multiply {
  fits(gpu: Gpu, shape: ConvolutionShape): boolean;
  step<B>(
    gemm: ImplicitGemm,
    bind: { x: B; w: B; y: B },
    context: Pick<VariantContext<B>, "add" | "temporary">,
  ): Step<B>;
}

/** Tiles down and across, and all of them. */
function tilesOf(shape: ConvolutionShape) {
  const { P, Q } = outputSize(shape);
  const [TP, TQ] = [Math.ceil(P / 2), Math.ceil(Q / 2)];
  return { TP, TQ, T: shape.N * TP * TQ };
}

function fits(gpu: Gpu, shape: ConvolutionShape): boolean {
  const { T } = tilesOf(shape);
  const { C, K, R, S, stride } = shape;
  return R === 3 && S === 3 && stride === 1 &&
    16 * 4 * Math.max(T * C, T * K, C * K) <= gpu.limits.maxStorageBufferBindingSize;
}

/** Product b of the 16: rows b T to (b + 1) T of `v [16 T, C]` with matrix b of `u [16, C, K]`. */
function product(b: number, { T, C, K }: { T: number; C: number; K: number }): ImplicitGemm {
  return {
    ...{ N: 1, P: T, Q: 1, K, padded: false, SC: C },
    params: {
      ...{ pixels: T, Q: 1, H: 16 * T, WC: C, R: 1, SC: C, K },
      ...{ stride: 1, column: C, image: 0, top: -b * T, left: 0 },
      ...{ weights: b * C * K, y_first: b * T * K, y_image: 0, y_row: K, y_column: K },
    },
  };
}

function steps<B>(
  multiply: Multiply,
  shape: ConvolutionShape,
  { x, w, y, b }: { x: B; w: B; y: B; b?: B },
  { add, epilogue = {}, temporary }: Pick<VariantContext<B>, "add" | "epilogue" | "temporary">,
): Step<B>[] {
  const { H, W, C, K, padding } = shape;
  const { P, Q } = outputSize(shape);
  const { TP, TQ, T } = tilesOf(shape);
  const u = temporary([16, C, K]);
  const v = temporary([16, T, C]);
  const m = temporary([16, T, K]);
  const { residual, relu } = epilogue;
  return [
    { code: filterCode, bind: { w, u }, params: { n: C * K }, grid: elementGrid(C * K) },
    {
      code: inputCode,
      bind: { x, v },
      params: { H, W, C, T, TP, TQ, pad: padding },
      grid: elementGrid(T * C),
    },
    ...Array.from(
      { length: 16 },
      (_, b) =>
        multiply.step(product(b, { T, C, K }), { x: v, w: u, y: m }, { add: false, temporary }),
    ),
    {
      code: outputCode,
      constants: { BIAS: +!!b, ADD: +add, RESIDUAL: +!!residual, RELU: +!!relu },
      bind: { m, bias: b ?? m, residual: residual ?? m, y },
      params: { P, Q, K, T, TP, TQ },
      grid: elementGrid(T * K),
    },
  ];
}

export function winogradForward(multiply: Multiply): Variant<"forward"> {
  return {
    fits: (gpu, shape) => multiply.fits(gpu, shape) && fits(gpu, shape),
    hasEpilogue: true,
    steps: (shape, operands, context) => steps(multiply, shape, operands, context),
  };
}

/** dx is the forward pass over dy with the filters flipped. */
export function winogradBackwardData(multiply: Multiply): Variant<"backward_data"> {
  return {
    fits: (gpu, shape) => multiply.fits(gpu, shape) && fits(gpu, backwards(shape)),
    steps(shape, { dy, w, dx }, context) {
      const flipped = context.temporary([9, shape.K, shape.C]);
      return [
        flipFilter(shape, { w, flipped }),
        ...steps(multiply, backwards(shape), { x: dy, w: flipped, y: dx }, context),
      ];
    },
  };
}

/** The convolution that takes dy to dx. */
function backwards(shape: ConvolutionShape): ConvolutionShape {
  const { P, Q } = outputSize(shape);
  const { C, K, R, padding } = shape;
  return { ...shape, H: P, W: Q, C: K, K: C, padding: R - 1 - padding };
}
