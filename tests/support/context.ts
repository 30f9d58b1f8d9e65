/** A job's context that keeps what it is told. */
import type { Gpu } from "@/gpu/device.ts";
import { type JobContext, JobStopped, type TrainingPace } from "@/lib/specs/job_context.ts";
import { keepOutcome } from "@/lib/jobs/outcome.ts";
import { submit } from "@/lib/jobs/queue.ts";
import type { JobRow, Store } from "@/lib/store/mod.ts";
import { kinds } from "@/lib/worker/kinds.ts";

export interface Recorded extends JobContext {
  events: { type: string; data: Record<string, unknown> }[];
  metrics: { step: number; epoch: number; values: Record<string, number> }[];
  paces: TrainingPace[];
  /** Calls of `yield` so far. */
  yields: number;
  done: { done: number; total: number };
}

/** @param options.stopAt the call of `yield` that throws */
export function recorded(options: {
  checkpoints: string;
  store?: Store;
  gpu?: Gpu;
  job?: JobRow;
  stopAt?: number;
  reason?: JobStopped["reason"];
}): Recorded {
  const context: Recorded = {
    job: options.job as JobRow,
    store: options.store as Store,
    gpu: options.gpu as Gpu,
    checkpoints: options.checkpoints,
    events: [],
    metrics: [],
    paces: [],
    yields: 0,
    done: { done: 0, total: 0 },
    event: (type, data) => void context.events.push({ type, data }),
    metric: (step, epoch, values) => void context.metrics.push({ step, epoch, values }),
    progress: (done, total) => void (context.done = { done, total }),
    publish: (outcome) => keepOutcome(options.store as Store, options.job as JobRow, outcome),
    flush: () => Promise.resolve(),
    pace: (pace) => void context.paces.push(pace),
    yield() {
      context.yields++;
      if (context.yields === options.stopAt) throw new JobStopped(options.reason ?? "pause");
      return Promise.resolve();
    },
  };
  return context;
}

/** Queues a job as a request would, and claims it. */
export async function queued(store: Store, request: Record<string, unknown>): Promise<JobRow> {
  const { id } = await submit(store, request, "test");
  const job = (await store.jobs.claim("test"))!;
  if (job.id !== id) throw new Error("Cannot test: another job waits");
  return job;
}

/** Runs a claimed job to its end, or until `stopAt`; its result and what it told. */
export async function runJob(
  gpu: Gpu,
  store: Store,
  job: JobRow,
  options: { stopAt?: number } = {},
): Promise<{ result?: Record<string, unknown>; context: Recorded }> {
  const context = recorded({
    ...{ gpu, store, job, checkpoints: store.checkpoints(job.id) },
    stopAt: options.stopAt,
  });
  try {
    const handler = await kinds[job.kind as keyof typeof kinds]!();
    const result = await handler.run(context);
    await store.jobs.change(job, { state: "succeeded", result });
    return { result, context };
  } catch (error) {
    if (!(error instanceof JobStopped)) throw error;
    return { context };
  }
}
