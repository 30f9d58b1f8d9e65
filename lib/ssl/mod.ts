/** The contrastive methods on the GPU: one for every name of `specs.ts`, or the compiler says which is missing. */
import type { z } from "zod";
import { barlowTwins } from "./barlow_twins.ts";
import { byol } from "./byol.ts";
import { dino } from "./dino.ts";
import type { Method } from "./method.ts";
import { moco } from "./moco.ts";
import { mocoV3 } from "./moco_v3.ts";
import { simclr } from "./simclr.ts";
import { simsiam } from "./simsiam.ts";
import type { MethodName, methodSpecs } from "./specs.ts";
import { vicreg } from "./vicreg.ts";

type Methods = {
  [Name in MethodName]: Method<z.output<(typeof methodSpecs)[Name]["config"]>>;
};

export const methods: Methods = {
  byol,
  moco,
  simclr,
  simsiam,
  vicreg,
  barlow_twins: barlowTwins,
  moco_v3: mocoV3,
  dino,
};

/** A method by name; its configuration was parsed by the spec of the same name. */
export function methodOf(name: MethodName): Method<unknown> {
  return methods[name] as Method<unknown>;
}
