/**
 * Loss scaling, so that gradients of feature maps in f16 neither vanish nor overflow (Micikevicius et al.
 * 2018, arXiv 1710.03740, section 3.2), decided on the GPU and kept in the store.
 */
import factorCode from "@/kernels/loss_scale_factor.wgsl" with { type: "text" };
import updateCode from "@/kernels/loss_scale_update.wgsl" with { type: "text" };
import type { Tape } from "../tape.ts";
import type { Tensor } from "../tensor.ts";

export interface LossScale {
  /** `[1]` what the gradient of the loss starts with, a power of 2: `tape.backward(loss, { scale })`. */
  scale: Tensor;
  /** `[1]` updates since it last changed. */
  good: Tensor;
  /** Updates without an overflow after which it doubles. */
  patience: number;
}

export interface LossScaleOptions {
  /** Default 2^15. */
  start?: number;
  /** Default 2000. */
  patience?: number;
}

const LEAST = 1;
const MOST = 2 ** 24;

/** Declares the scale and its count. */
export function lossScale(tape: Tape, options: LossScaleOptions = {}): LossScale {
  const { start = 2 ** 15, patience = 2000 } = options;
  const kept = (name: string, value: number) =>
    tape.statistic(name, [1], { initial: { kind: "constant", value }, exported: false });
  return { scale: kept("loss_scale", start), good: kept("loss_scale.good", 0), patience };
}

/** `[1]`: the scalar of `slot`, divided by the scale. */
export function unscaled(tape: Tape, { scale }: LossScale, slot: number): Tensor {
  const factor = tape.value([1]);
  const bind = { scalars: tape.scalars, scale, factor };
  tape.launch({ code: factorCode, bind, params: { slot }, grid: [1] });
  return factor;
}

/** Appends what follows for the scale from an optimiser's `control`, whose last element says it. */
export function updateScale(
  tape: Tape,
  { scale, good, patience }: LossScale,
  { loss, control }: { loss: Tensor; control: Tensor },
): void {
  tape.launch({
    code: updateCode,
    bind: { loss, control, scale, good },
    params: { patience, least: LEAST, most: MOST },
    grid: [1],
  });
}
