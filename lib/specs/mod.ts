/** The kinds of jobs by name; the request schema, the listing and the documentation follow from it. */
import type { JobSpec } from "./spec.ts";
import { evaluate } from "./evaluate.ts";
import { finetune } from "./finetune.ts";
import { pretrain } from "./pretrain.ts";
import { similarity } from "./similarity.ts";
import { study } from "./study.ts";

export const specs: Record<string, JobSpec> = { evaluate, finetune, pretrain, similarity, study };
