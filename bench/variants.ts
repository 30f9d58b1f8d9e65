/** Which of this engine's kernels compute what is measured. */
import { tune } from "@/gpu/autotune.ts";
import { choiceOf, choicesOf, keyOf } from "@/gpu/convolution/choice.ts";
import type { ConvolutionShape } from "@/gpu/convolution/shape.ts";
import type { Pass } from "@/gpu/convolution/variant.ts";
import type { Gpu } from "@/gpu/device.ts";
import { layersOf, type Measured, type Product } from "./shapes.ts";

/** One pass of one convolution. */
export interface Use {
  pass: Pass;
  shape: ConvolutionShape;
}

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
export function usesOf(one: Measured): Use[] {
  if (!("network" in one)) return [{ pass: passOf(one.op), shape: padded(one.shape) }];
  return layersOf(one.network, one).flatMap((shape, i) =>
    PASSES.filter((pass) => i > 0 || pass !== "data")
      .map((pass) => ({ pass, shape: padded(shape) }))
  );
}

/** Name of the variant that computes it; of a step, each with its count, most used first. */
export function variantOf(gpu: Gpu, one: Measured): string {
  const names = usesOf(one).map(({ pass, shape }) => choiceOf(gpu, pass, shape));
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
  budget: number,
): Promise<{ tuned: number; of: number }> {
  const uses = new Map(
    measured.flatMap(usesOf).map((use) => [keyOf(use.pass, use.shape), use]),
  );
  const end = performance.now() + budget;
  for (const { pass, shape } of uses.values()) {
    await tune(gpu, [shape], { budget: end - performance.now(), passes: [pass] });
  }
  const choices = choicesOf(gpu);
  const tuned = [...uses.keys()].filter((key) => choices[key] !== undefined).length;
  return { tuned, of: uses.size };
}
