/** The kinds of jobs by name; the request schema, the listing, plans and the documentation follow from it. */
import { evaluate } from "./evaluate.ts";
import { finetune } from "./finetune.ts";
import { pretrain } from "./pretrain.ts";
import { similarity } from "./similarity.ts";
import type { JobSpec } from "./spec.ts";
import { study } from "./study.ts";

const registry = {
  evaluate,
  finetune,
  pretrain,
  similarity,
  study,
};

export type JobKind = keyof typeof registry;

export const jobKinds = Object.keys(registry) as JobKind[];

/** The description of the API names each schema as its kind is named. */
export const specs = Object.fromEntries(
  Object.entries(registry as unknown as Record<JobKind, JobSpec>).map(([kind, spec]) => {
    const { title, about: description } = spec;
    return [kind, { ...spec, schema: spec.schema.meta({ title, description }) }];
  }),
) as Record<JobKind, JobSpec>;

export function isJobKind(name: unknown): name is JobKind {
  return typeof name === "string" && Object.hasOwn(specs, name);
}
