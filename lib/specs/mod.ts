/** The kinds of jobs by name; the request schema, the listing, plans and the documentation follow from it. */
import type { z } from "zod";
import { evaluate } from "./evaluate.ts";
import { finetune } from "./finetune.ts";
import { pretrain } from "./pretrain.ts";
import { similarity } from "./similarity.ts";
import type { JobSpec } from "./spec.ts";
import { study } from "./study.ts";

export const specs = {
  evaluate,
  finetune,
  pretrain,
  similarity,
  study,
};

/** What a job of this kind takes; undefined where there is no such kind. */
export const specOf = (kind: string): JobSpec | undefined =>
  Object.hasOwn(specs, kind) ? specs[kind as JobKind] : undefined;

export type JobKind = keyof typeof specs;
export type KeptSpec<Kind extends JobKind> = z.output<(typeof specs)[Kind]["kept"]>;
export type JobResult<Kind extends JobKind> = z.output<(typeof specs)[Kind]["result"]>;
