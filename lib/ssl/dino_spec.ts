/** DINO, Caron et al. 2021 (arXiv 2104.14294). */
import { z } from "zod";
import { momentum, normalizer, temperature, width } from "./config_fields.ts";
import type { MethodSpec } from "./method_spec.ts";

const config = z.strictObject({
  /** Hidden width of the head. */
  hidden: width(2048),
  bottleneck: width(256),
  /** Outputs of the head: K. Some thousands do for sets of some thousand images. */
  prototypes: z.int().min(4).max(131072).default(65536),
  student_temperature: temperature(0.1),
  teacher_temperature: temperature(0.04),
  /** Momentum of the teacher at the first step; it rises to 1 by a cosine. */
  momentum: momentum(0.996),
  center_momentum: momentum(0.9),
  normalizer,
});

export type DinoConfig = z.output<typeof config>;

export const dino: MethodSpec<typeof config> = {
  title: "DINO",
  about: "Learns the distribution that a slowly moving copy gives the other view; no negatives.",
  config,
  passes: 8,
};
