/** One job while it runs: what its handler is given, written to the store in small transactions. */
import { setImmediate } from "node:timers";
import type { Gpu } from "@/gpu/device.ts";
import { type JobContext, JobStopped, type TrainingPace } from "@/lib/specs/job_context.ts";
import { isDiskFull } from "@/lib/errors.ts";
import type { NewEvent } from "@/lib/store/events.ts";
import type { MetricPoint } from "@/lib/store/metrics.ts";
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
  readonly #started = performance.now();
  #points: MetricPoint[] = [];
  #events: NewEvent[] = [];
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
    this.#events.push({ type, data });
  }

  /** Whether a checkpoint lies beyond all before it: one that is made again is no progress. */
  async #isProgress(checkpoints: NewEvent[]): Promise<boolean> {
    if (checkpoints.length === 0) return false;
    const last = await this.store.events.lastCheckpoint(this.job.id);
    return checkpoints.some(({ data: { step } }) =>
      last === null || typeof step !== "number" || step > last
    );
  }

  metric(step: number, epoch: number, values: Record<string, number>): void {
    this.#points.push({ step, epoch, values });
    this.#events.push({ type: "metric", data: { step, epoch, ...values } });
  }

  progress(done: number, total: number, unit: string): void {
    this.#progress = { done, total, unit };
    if (this.#first?.total !== total) this.#first = { done, total, time: performance.now() };
  }

  pace(pace: TrainingPace): void {
    this.training = pace;
  }

  async yield(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    await this.#options.between();
    if (performance.now() - this.#flushed >= FLUSH_MS) await this.flush();
    if (this.#options.leaving()) throw new JobStopped("shutdown");
    if (performance.now() - this.#looked < REQUEST_MS) return;
    this.#looked = performance.now();
    await this.store.jobs.assertClaim(this.job.id, this.job.fence);
    const requested = await this.store.jobs.requested(this.job.id);
    if (requested) throw new JobStopped(requested);
  }

  /** A change of the job's state, told as an event with the reason. */
  async state(changes: JobChanges & { state: JobRow["state"] }, reason?: string): Promise<void> {
    const { state } = changes;
    const seconds = (performance.now() - this.#started) / 1000;
    const data = {
      ...{ state, ...(reason && { reason }) },
      // The times of the row are those of a clock that may be set meanwhile.
      ...(state === "succeeded" && { seconds }),
    };
    this.#events.push({ type: "state", data });
    await this.#write(changes);
  }

  /** Writes what has gathered. @throws {ClaimLost} */
  async flush(): Promise<void> {
    this.#flushed = performance.now();
    if (this.#progress || this.#events.length > 0) await this.#write({});
  }

  /** Writes what has gathered, and changes of the job, in one transaction. */
  async #write(more: JobChanges): Promise<void> {
    const { store, job } = this;
    const [points, events, progress] = [this.#points, this.#events, this.#progress];
    this.#points = [];
    this.#events = [];
    this.#progress = undefined;
    try {
      await store.jobs.withClaim(job, async () => {
        // What is behind a new checkpoint cannot be lost any more: crashes count anew.
        const checkpoints = events.filter(({ type }) => type === "checkpoint");
        const forgiven = await this.#isProgress(checkpoints);
        if (forgiven) await store.jobs.update(job.id, { attempts: 0 });
        await store.metrics.put(job.id, points);
        await store.events.appendAll(job.id, events);
        const told = progress && { progress, estimated_finish: this.#estimate(progress) };
        const changes = { ...told, ...more };
        if (Object.keys(changes).length > 0) await store.jobs.change(job, changes);
      });
    } catch (error) {
      // What could not be written on a full disk is written when there is room.
      if (isDiskFull(error)) {
        this.#points.unshift(...points);
        this.#events.unshift(...events.filter(({ type }) => type !== "state"));
        this.#progress ??= progress;
      }
      throw error;
    }
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
