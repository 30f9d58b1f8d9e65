/** Barlow Twins, Zbontar et al. 2021 (arXiv 2103.03230). */
import { z } from "zod";
import { width } from "./config_fields.ts";
import type { MethodSpec } from "./method_spec.ts";

const config = z.strictObject({
  /** Width of the projector's three layers; the paper's is 8192. */
  projector: width(2048),
  /** The paper's lambda: how much an element off the diagonal counts. */
  redundancy_weight: z.number().min(0).max(10_000).default(0.0051),
  /** Factor of the whole loss; the authors' code has 0.024, for LARS. */
  scale: z.number().positive().max(1000).default(1),
});

export type BarlowTwinsConfig = z.output<typeof config>;

export const barlowTwins: MethodSpec<typeof config> = {
  title: "Barlow Twins",
  about: "Makes the cross-correlation of the two views' embeddings the identity.",
  config,
  passes: 6,
};
