/** Weights of the small vision transformer of `tests/fixtures/transformer.py`, under timm's names. */
import type { Weight } from "@/gpu/parameters.ts";
import reference from "../fixtures/transformer.json" with { type: "json" };
import { unit } from "./formula.ts";

const { names } = reference.network;

/** In the order of PyTorch's parameters. */
export function vitWeights(): Map<string, Weight> {
  return new Map((names as [string, number[]][]).map(([name, shape], k) => {
    const size = shape.reduce((product, side) => product * side, 1);
    const inner = name === "cls_token" || name === "pos_embed" || shape.length === 1;
    const spread = inner ? 0.1 : Math.sqrt(1.5 / (size / shape[0]));
    const base = name.includes("norm") && name.endsWith("weight") ? 1 : 0;
    const data = Float32Array.from(
      { length: size },
      (_, i) => base + spread * unit(i + 1 + 0.1 * k),
    );
    return [name, { shape, data }];
  }));
}
