import { resnet, resnetFeatures } from "@/lib/models/resnet.ts";
import type { NetworkSpec } from "@/lib/specs/network.ts";
import type { Encoder } from "./method.ts";

/** The backbone of a spec. */
export function encoder(
  { backbone: name, width, channels }: Pick<NetworkSpec, "backbone" | "width" | "channels">,
): Encoder {
  return {
    name,
    features: resnetFeatures(name, width),
    apply: (tape, x, options) => resnet(tape, x, { name, width, channels, ...options }).features,
  };
}
