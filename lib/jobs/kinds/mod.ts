/** What runs each kind of job. */
import type { JobHandler } from "@/lib/specs/job_context.ts";
import { evaluate } from "./evaluate.ts";
import { finetune } from "./finetune.ts";
import { pretrain } from "./pretrain.ts";
import { similarity } from "./similarity.ts";

export const kinds: Record<string, JobHandler> = { evaluate, finetune, pretrain, similarity };
