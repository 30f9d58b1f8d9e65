import { resnet, resnetFeatures, type ResnetName } from "@/lib/models/resnet.ts";
import type { Encoder } from "./method.ts";

/** The backbone of a spec. */
export function encoder(
  { backbone: name, width, channels }: { backbone: ResnetName; width: number; channels: 1 | 3 },
): Encoder {
  return {
    name,
    features: resnetFeatures(name, width),
    apply: (tape, x, options) => resnet(tape, x, { name, width, channels, ...options }).features,
  };
}
