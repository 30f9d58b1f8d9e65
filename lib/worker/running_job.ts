/** One job while it runs: what its handler is given, written to the store in small transactions. */
import { setImmediate } from "node:timers";
import type { Gpu } from "@/gpu/device.ts";
import { type JobContext, JobStopped, type TrainingPace } from "@/lib/specs/job_context.ts";
import type { EventType, JobChanges, JobProgress, JobRow, Store } from "@/lib/store/mod.ts";

/** Numbers are written together this often: each write waits for the disk. */
const FLUSH_MS = 250;
/** How often a running job looks for requests. */
const REQUEST_MS = 100;

export interface RunningJobOptions {
  store: Store;
  gpu: Gpu;
  job: JobRow;
  /** Called in every `yield`, after messages came in. */
  between(): Promise<void>;
  /** Something about the job was written. */
  changed(job_id: string): void;
  /** Whether the process is about to leave. */
  leaving(): boolean;
}

export class RunningJob implements JobContext {
  readonly job: JobRow;
  readonly store: Store;
  readonly gpu: Gpu;
  readonly checkpoints: string;
  /** The last word of a training on its speed. */
  training: TrainingPace | null = null;
  readonly #options: RunningJobOptions;
  readonly #points: { step: number; epoch: number; values: Record<string, number> }[] = [];
  #progress?: JobProgress;
  /** Progress and time when this run began to count, for the estimate of its end. */
  #first?: { done: number; total: number; time: number };
  #flushed = -Infinity;
  #looked = -Infinity;

  constructor(options: RunningJobOptions) {
    this.#options = options;
    this.job = options.job;
    this.store = options.store;
    this.gpu = options.gpu;
    this.checkpoints = options.store.checkpoints(options.job.id);
    Deno.mkdirSync(this.checkpoints, { recursive: true });
  }

  event(type: EventType, data: Record<string, unknown>): void {
    this.flush(() => {
      if (type === "checkpoint" && this.#isProgress(data)) {
        // What is behind a new checkpoint cannot be lost any more: crashes count anew.
        this.store.jobs.update(this.job.id, { attempts: 0 });
      }
      this.store.events.append(this.job.id, type, data);
    });
  }

  /** Whether a checkpoint lies beyond all before it: one that is made again is no progress. */
  #isProgress({ step }: Record<string, unknown>): boolean {
    const last = this.store.events.lastCheckpoint(this.job.id);
    return last === null || typeof step !== "number" || step > last;
  }

  metric(step: number, epoch: number, values: Record<string, number>): void {
    this.#points.push({ step, epoch, values });
    this.#flushSometimes();
  }

  progress(done: number, total: number, unit: string): void {
    this.#progress = { done, total, unit };
    if (this.#first?.total !== total) this.#first = { done, total, time: performance.now() };
    this.#flushSometimes();
  }

  pace(pace: TrainingPace): void {
    this.training = pace;
  }

  async yield(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    await this.#options.between();
    this.#flushSometimes();
    if (this.#options.leaving()) throw new JobStopped("shutdown");
    if (performance.now() - this.#looked < REQUEST_MS) return;
    this.#looked = performance.now();
    this.store.jobs.assertClaim(this.job.id, this.job.fence);
    const requested = this.store.jobs.requested(this.job.id);
    if (requested) throw new JobStopped(requested);
  }

  /** A change of the job's state, told as an event with the reason. */
  state(changes: JobChanges & { state: JobRow["state"] }, reason?: string): void {
    this.flush(() => {
      this.store.jobs.change(this.job, changes);
      const { state } = changes;
      this.store.events.append(this.job.id, "state", reason ? { state, reason } : { state });
    });
  }

  #flushSometimes(): void {
    if (performance.now() - this.#flushed >= FLUSH_MS) this.flush();
  }

  /** Writes what has gathered, and `more`, in one transaction; throws ClaimLost. */
  flush(more?: () => void): void {
    this.#flushed = performance.now();
    if (!more && !this.#progress && this.#points.length === 0) return;
    const { store, job } = this;
    store.jobs.withClaim(job, () => {
      store.metrics.put(job.id, this.#points);
      const points = this.#points.map(({ step, epoch, values }) => ({ step, epoch, ...values }));
      store.events.appendAll(job.id, points.map((data) => ({ type: "metric", data })));
      if (this.#progress) {
        store.jobs.change(job, {
          progress: this.#progress,
          estimated_finish: this.#estimate(this.#progress),
        });
      }
      more?.();
    });
    this.#points.length = 0;
    this.#progress = undefined;
    this.#options.changed(job.id);
  }

  #estimate({ done, total }: JobProgress): string | null {
    const first = this.#first!;
    const elapsed = performance.now() - first.time;
    if (done <= first.done || elapsed < 1000) return null;
    const rest = elapsed / (done - first.done) * (total - done);
    return new Date(Date.now() + rest).toISOString();
  }
}
