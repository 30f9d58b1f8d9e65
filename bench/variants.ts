/** Which of this engine's kernels compute what is measured. */
import { tune } from "@/gpu/autotune.ts";
import { keyOf, type SelectedVariants, selectVariant } from "@/gpu/convolution/selection.ts";
import type { ConvolutionShape } from "@/gpu/convolution/shape.ts";
import type { ConvolutionPass, Pass } from "@/gpu/convolution/variant.ts";
import type { Gpu } from "@/gpu/device.ts";
import { layersOf, type Measured, type Product } from "./shapes.ts";

const PASSES: Pass[] = ["forward", "backward_data", "backward_weight"];

/** Channels in fours, as the networks pad their images. */
export function padded(shape: ConvolutionShape): ConvolutionShape {
  return shape.C === 3 ? { ...shape, C: 4 } : shape;
}

/** The pass that a product is; a matrix product is a forward one. */
export function passOf(op: Product["op"]): Pass {
  if (op === "conv_data_gradient") return "backward_data";
  return op === "conv_weight_gradient" ? "backward_weight" : "forward";
}

/** All that something measured consists of; of a step, its convolutions. */
export function usesOf(one: Measured): ConvolutionPass[] {
  if (!("network" in one)) {
    return [{ pass: passOf(one.op), shape: padded(one.shape), precision: "f32" }];
  }
  return layersOf(one.network, one).flatMap((shape, i) =>
    PASSES.filter((pass) => i > 0 || pass !== "backward_data")
      .map((pass) => ({ pass, shape: padded(shape), precision: "f32" }))
  );
}

/** Name of the variant that computes it; of a step, each with its count, most used first. */
export function variantOf(gpu: Gpu, one: Measured, selected: SelectedVariants): string {
  const names = usesOf(one).map(({ pass, shape }) => selectVariant(gpu, pass, shape, { selected }));
  if (!("network" in one)) return names[0];
  return [...Map.groupBy(names, (name) => name)]
    .sort(([, a], [, b]) => b.length - a.length)
    .map(([name, { length }]) => `${name} (${length})`)
    .join(", ");
}

/** Tunes everything measured, in at most `budget` ms; what is left over keeps its default. */
export async function tuneAll(
  gpu: Gpu,
  measured: Measured[],
  options: { selected: SelectedVariants; budget: number },
): Promise<{ tuned: number; of: number }> {
  const { selected, budget } = options;
  const uses = new Map(measured.flatMap(usesOf).map((use) => [keyOf(use.pass, use.shape), use]));
  await tune(gpu, uses.values(), selected, { budget });
  return { tuned: Object.keys(selected).length, of: uses.size };
}
