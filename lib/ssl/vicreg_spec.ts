/** VICReg, Bardes, Ponce and LeCun 2022 (arXiv 2105.04906). */
import { z } from "zod";
import { normalizer, width } from "./config_fields.ts";
import type { MethodSpec } from "./method_spec.ts";

const weight = (value: number) => z.number().min(0).max(10_000).default(value);

/** What is less is lost in single precision: its least normal number is 1.2e-38, and gradients are far smaller than losses. */
const LEAST = 1e-30;

const config = z.strictObject({
  /** Width of the projector's three layers; the paper's is 8192. */
  projector: width(2048),
  invariance_weight: weight(25),
  variance_weight: weight(25),
  covariance_weight: weight(1),
  normalizer,
}).refine(
  (weights) =>
    [weights.invariance_weight, weights.variance_weight, weights.covariance_weight]
      .some((weight) => weight >= LEAST),
  {
    message:
      `All three weights are 0, or so near it (below ${LEAST}) that single precision cannot train by them: there is nothing to train by`,
    path: ["invariance_weight"],
  },
);

export type VicregConfig = z.output<typeof config>;

export const vicreg: MethodSpec<typeof config> = {
  title: "VICReg",
  about: "Draws pairs together, and keeps every dimension spread and unlike the others.",
  config,
  passes: 6,
};
