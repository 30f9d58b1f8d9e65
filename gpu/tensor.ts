/**
 * Symbolic tensors. Nothing is computed or allocated when one is made: it names a place that `compile`
 * finds memory for.
 *
 * | letter | meaning | letter | meaning |
 * |---|---|---|---|
 * | N | batch | R S | filter height, width |
 * | H W | input height, width | D | embedding |
 * | C | input channels | M | keys, or slots of the queue |
 * | P Q | output height, width | G | groups of a split batch norm |
 * | K | output channels | L | rows of a reduction, N H W |
 *
 * Activations are channels-last, `[N, H, W, C]`, dense; f32, or f16 on a tape of that precision.
 */
import type { HostArray } from "./buffer.ts";

/** Sizes, outermost first; the last one is contiguous. */
export type Shape = readonly number[];

export type ElementType = "f32" | "f16" | "u32" | "i32";

/** Storage of feature maps: what convolutions write and what is made of it, with gradients. All else is f32. */
export type Precision = "f32" | "f16";

/**
 * Where a tensor's elements lie.
 * - `value`: memory of one program, shared with other values that do not live at the same time
 * - `input`: memory of one program that the host writes
 * - `constant`: memory of one program, filled once
 * - `section`: a range of one of the parameter store's flat buffers
 */
export type Place =
  | { kind: "value" }
  | { kind: "input" }
  | { kind: "constant"; data: HostArray }
  | { kind: "section"; section: string; offset: number };

/** A symbolic tensor; made by a `Tape` only. */
export interface Tensor {
  readonly id: number;
  readonly name: string;
  readonly shape: Shape;
  readonly type: ElementType;
  readonly place: Place;
  /** Whether backward steps reach it. */
  readonly differentiable: boolean;
  /** The tensor whose elements this one shows under another shape, or with the gradient cut off before or behind it. */
  readonly base?: Tensor;
}

/** Number of elements. */
export function elementCount(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** The tensor that owns the elements. */
export function rootOf(tensor: Tensor): Tensor {
  return tensor.base ? rootOf(tensor.base) : tensor;
}

/** @throws {Error} unless every size fits; a negative size accepts any: `expectShape("conv2d", x, [-1, 8, 8, 4])` */
export function expectShape(op: string, tensor: Tensor, shape: Shape): void {
  const fits = tensor.shape.length === shape.length &&
    shape.every((size, axis) => size < 0 || size === tensor.shape[axis]);
  if (!fits) {
    const wanted = shape.map((size) => size < 0 ? "any" : size).join(", ");
    throw new Error(
      `Cannot append ${op}: "${tensor.name}" of shape [${wanted}] expected, got [${
        tensor.shape.join(", ")
      }]`,
    );
  }
}
