/** MoCo v2, Chen et al. 2020 (arXiv 2003.04297). */
import { z } from "zod";
import { momentum, normalizer, temperature, width } from "./config_fields.ts";
import type { MethodSpec } from "./method_spec.ts";

const config = z.strictObject({
  output: width(128),
  queue: z.int().min(16).max(65536).default(1280),
  temperature: temperature(0.2),
  momentum: momentum(0.999),
  /** Keys of the anchor's own image that still lie in the queue. */
  stale_keys: z.enum(["mask", "positive", "negative"]).default("mask"),
  /** Images per batch-norm group in the key encoder; null: the whole batch. */
  split_batch_norm: z.int().min(2).nullable().default(8),
  normalizer,
});

export type MocoConfig = z.output<typeof config>;

export const moco: MethodSpec<typeof config> = {
  title: "MoCo",
  about: "Tells a view's key from a queue of keys of earlier batches (MoCo v2).",
  config,
  // One view through the network and back, the other through its copy.
  passes: 4,
  ownKeys: { stale_keys: "positive" },
};
