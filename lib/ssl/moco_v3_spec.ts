/** MoCo v3, Chen, Xie and He 2021 (arXiv 2104.02057). */
import { z } from "zod";
import { momentum, normalizer, temperature, width } from "./config_fields.ts";
import type { MethodSpec } from "./method_spec.ts";

const config = z.strictObject({
  /** Hidden width of projector and predictor. */
  hidden: width(4096),
  output: width(256),
  temperature: temperature(0.2),
  /** Momentum of the key encoder at the first step; it rises to 1 by a cosine. */
  momentum: momentum(0.99),
  normalizer,
});

export type MocoV3Config = z.output<typeof config>;

export const mocoV3: MethodSpec<typeof config> = {
  title: "MoCo v3",
  about:
    "Tells a slowly moving copy's view of an image from those of the batch's others; no queue.",
  config,
  passes: 8,
};
