/** What does the work of each kind of job: one for every name of `lib/specs/mod.ts`, or the compiler says which is missing. */
import { evaluate } from "@/lib/jobs/kinds/evaluate.ts";
import { finetune } from "@/lib/jobs/kinds/finetune.ts";
import type { JobHandler } from "@/lib/jobs/kinds/handler.ts";
import { pretrain } from "@/lib/jobs/kinds/pretrain.ts";
import { similarity } from "@/lib/jobs/kinds/similarity.ts";
import type { JobKind, JobResult } from "@/lib/specs/mod.ts";

export const kinds: { [Kind in JobKind]: JobHandler<JobResult<Kind>> } = {
  evaluate,
  finetune,
  pretrain,
  similarity,
  // Made of other jobs: the API advances it.
  study: {},
};
