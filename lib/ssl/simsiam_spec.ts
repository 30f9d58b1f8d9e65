/** SimSiam, Chen and He 2021 (arXiv 2011.10566). */
import { z } from "zod";
import { normalizer, width } from "./config_fields.ts";
import type { MethodSpec } from "./method_spec.ts";

const config = z.strictObject({
  projector: width(2048),
  predictor_hidden: width(512),
  normalizer,
  /** Keeps the predictor's learning rate at its base instead of letting it fall. */
  fixed_predictor_rate: z.boolean().default(true),
});

export type SimsiamConfig = z.output<typeof config>;

export const simsiam: MethodSpec<typeof config> = {
  title: "SimSiam",
  about: "Predicts what the same network says of the other view; no negatives, no copy.",
  config,
  passes: 6,
};
