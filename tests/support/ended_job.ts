/** The row of a job that has ended, as a worker would have left it. */
import { type JobRow, newId, now } from "@/lib/store/mod.ts";

export function endedJob(more: Partial<JobRow> = {}): JobRow {
  return {
    ...{ id: newId("job"), kind: "pretrain", state: "succeeded", spec: {}, worker: null, fence: 1 },
    ...{
      progress: { done: 1, total: 1, unit: "steps" },
      attempts: 1,
      requested: null,
      error: null,
    },
    ...{ result: null, device: null, created_at: now(), started_at: now(), finished_at: now() },
    ...{ estimated_finish: null, study: null, fingerprint: null, lease_until: null },
    ...more,
  } as JobRow;
}
