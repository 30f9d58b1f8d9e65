/** The contrastive methods by name: all that is known of them without their device code (`mod.ts`). */
import { z } from "zod";
import { filled } from "@/lib/filled_schema.ts";
import { barlowTwins } from "./barlow_twins_spec.ts";
import { byol } from "./byol_spec.ts";
import { dino } from "./dino_spec.ts";
import type { MethodSpec } from "./method_spec.ts";
import { moco } from "./moco_spec.ts";
import { mocoV3 } from "./moco_v3_spec.ts";
import { simclr } from "./simclr_spec.ts";
import { simsiam } from "./simsiam_spec.ts";
import { vicreg } from "./vicreg_spec.ts";

export const methodSpecs = {
  byol,
  simsiam,
  moco,
  simclr,
  vicreg,
  barlow_twins: barlowTwins,
  moco_v3: mocoV3,
  dino,
} satisfies Record<string, MethodSpec>;

export type MethodName = keyof typeof methodSpecs;

/** All settings of one method, none of them open. */
export type MethodConfig = z.output<(typeof methodSpecs)[MethodName]["config"]>;
export const methodConfigSchema = z.union(
  Object.values(methodSpecs).map(({ config }) => filled(config as z.ZodObject)),
) as unknown as z.ZodType<MethodConfig>;

/** The methods in a form that asks nothing of their configuration. */
export function methodSpec(name: MethodName): MethodSpec {
  return methodSpecs[name] as unknown as MethodSpec;
}
