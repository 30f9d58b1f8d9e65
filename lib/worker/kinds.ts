/** What does the work of each kind of job: one for every name of `lib/specs/mod.ts`, or the compiler says which is missing. */
import type { HandlerOf } from "@/lib/jobs/kinds/handler.ts";
import type { JobKind, JobResult } from "@/lib/specs/mod.ts";

export const kinds: { [Kind in JobKind]: HandlerOf<JobResult<Kind>> } = {
  evaluate: async () => (await import("@/lib/jobs/kinds/evaluate.ts")).evaluate,
  finetune: async () => (await import("@/lib/jobs/kinds/finetune.ts")).finetune,
  pretrain: async () => (await import("@/lib/jobs/kinds/pretrain.ts")).pretrain,
  similarity: async () => (await import("@/lib/jobs/kinds/similarity.ts")).similarity,
  // Made of other jobs: the API advances it.
  study: null,
};
