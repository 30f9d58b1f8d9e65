/** BYOL, Grill et al. 2020 (arXiv 2006.07733). */
import { z } from "zod";
import { momentum, normalizer, width } from "./config_fields.ts";
import type { MethodSpec } from "./method_spec.ts";

const config = z.strictObject({
  /**
   * Hidden width of projector and predictor; null: what suits the backbone (4096, and 1024 in the projector of
   * ResNet-18).
   */
  hidden: z.int().min(4).max(16384).nullable().default(null),
  output: width(256),
  /** Target momentum at the first step; it rises to 1 by a cosine. */
  momentum: momentum(0.99),
  normalizer,
});

export type ByolConfig = z.output<typeof config>;

export const byol: MethodSpec<typeof config> = {
  title: "BYOL",
  about: "Predicts what a slowly moving copy of the network says of the other view; no negatives.",
  config,
  // Two views through the network and back, and through its copy.
  passes: 8,
};
