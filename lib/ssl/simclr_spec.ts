/** SimCLR, Chen et al. 2020 (arXiv 2002.05709); with positives of one class SupCon, whose mean is per anchor. */
import { z } from "zod";
import { normalizer, temperature, width } from "./config_fields.ts";
import type { MethodSpec } from "./method_spec.ts";

const config = z.strictObject({
  output: width(128),
  temperature: temperature(0.1),
  normalizer,
});

export type SimclrConfig = z.output<typeof config>;

export const simclr: MethodSpec<typeof config> = {
  title: "SimCLR",
  about: "Tells the other view of an image from all other views of the batch; SupCon with labels.",
  config,
  passes: 6,
};
