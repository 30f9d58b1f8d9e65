import { backboneOf } from "@/lib/models/mod.ts";
import { backboneSpec } from "@/lib/models/specs.ts";
import type { Encoder } from "./method.ts";

/** The backbone of a spec. */
export function encoder(
  { backbone, width, channels }: { backbone: string; width: number; channels: 1 | 3 },
): Encoder {
  const { features, hidden, predictorHidden } = backboneSpec(backbone);
  const append = backboneOf(backbone);
  return {
    features: features(width),
    hidden,
    predictorHidden,
    apply: (tape, x, options) => append(tape, x, { width, channels, ...options }).features,
  };
}
