/** Which of this engine's kernels compute what is measured. */
import { tune } from "@/gpu/autotune.ts";
import { choiceOf, type Choices, keyOf } from "@/gpu/convolution/selection.ts";
import type { ConvolutionShape } from "@/gpu/convolution/shape.ts";
import type { ConvolutionPass, Pass } from "@/gpu/convolution/variant.ts";
import type { Gpu } from "@/gpu/device.ts";
import { layersOf, type Measured, type Product } from "./shapes.ts";

const PASSES: Pass[] = ["forward", "data", "weight"];

/** Channels in fours, as the networks pad their images. */
export function padded(shape: ConvolutionShape): ConvolutionShape {
  return shape.C === 3 ? { ...shape, C: 4 } : shape;
}

/** The pass that a product is; a matrix product is a forward one. */
export function passOf(op: Product["op"]): Pass {
  if (op === "conv_data_gradient") return "data";
  return op === "conv_weight_gradient" ? "weight" : "forward";
}

/** All that something measured consists of; of a step, its convolutions. */
export function usesOf(one: Measured): ConvolutionPass[] {
  if (!("network" in one)) {
    return [{ pass: passOf(one.op), shape: padded(one.shape), precision: "f32" }];
  }
  return layersOf(one.network, one).flatMap((shape, i) =>
    PASSES.filter((pass) => i > 0 || pass !== "data")
      .map((pass) => ({ pass, shape: padded(shape), precision: "f32" }))
  );
}

/** Name of the variant that computes it; of a step, each with its count, most used first. */
export function variantOf(gpu: Gpu, one: Measured, choices: Choices): string {
  const names = usesOf(one).map(({ pass, shape }) => choiceOf(gpu, pass, shape, { choices }));
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
  options: { choices: Choices; budget: number },
): Promise<{ tuned: number; of: number }> {
  const { choices, budget } = options;
  const uses = new Map(measured.flatMap(usesOf).map((use) => [keyOf(use.pass, use.shape), use]));
  await tune(gpu, uses.values(), choices, { budget });
  return { tuned: Object.keys(choices).length, of: uses.size };
}
