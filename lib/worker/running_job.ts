/** One job while it runs: what its handler is given, told to the desk a few times a second. */
import { setImmediate } from "node:timers";
import type { Gpu } from "@/gpu/device.ts";
import {
  type JobContext,
  JobStopped,
  type Outcome,
  type TrainingPace,
} from "@/lib/specs/job_context.ts";
import { isDiskFull } from "@/lib/errors.ts";
import type { NewEvent } from "@/lib/store/events.ts";
import type { MetricPoint } from "@/lib/store/metrics.ts";
import type { EventType, JobChanges, JobProgress, JobRow } from "@/lib/store/mod.ts";
import type { WorkerStore } from "@/lib/store/worker_store.ts";
import type { Desk } from "./desk.ts";

/** News are told together this often, and what is asked of the job is heard. */
const FLUSH_MS = 250;

export interface RunningJobOptions {
  desk: Desk;
  store: WorkerStore;
  gpu: Gpu;
  job: JobRow;
  /** Called in every `yield`, after messages came in. */
  between(): Promise<void>;
  /** Whether the process is about to leave. */
  leaving(): boolean;
}

export class RunningJob implements JobContext {
  readonly job: JobRow;
  readonly store: WorkerStore;
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
  /** What is told beside the job, which goes on meanwhile; settles without an error. */
  #telling: Promise<void> | null = null;
  /** Why that could not be told. */
  #untold: { error: unknown } | null = null;
  /** What a person asked of the job, as last heard: a flush between two yields hears it too. */
  #requested: JobRow["requested"] = null;

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
    const due = performance.now() - this.#flushed >= FLUSH_MS;
    if (due && !this.#telling) this.#tellBeside();
    this.#assertTold();
    if (this.#options.leaving()) throw new JobStopped("shutdown");
    if (this.#requested) throw new JobStopped(this.#requested);
  }

  /** A change of the job's state, told as an event with the reason. */
  async state(changes: JobChanges & { state: JobRow["state"] }, reason?: string): Promise<void> {
    const { state } = changes;
    const seconds = (performance.now() - this.#started) / 1000;
    const data = {
      ...{ state, ...(reason && { reason }) },
      ...(this.job.fence > 1 && { attempt: this.job.fence }),
      // The times of the row are those of a clock that may be set meanwhile.
      ...(state === "succeeded" && { seconds }),
    };
    this.#events.push({ type: "state", data });
    await this.#telling;
    // The same would hinder this.
    this.#untold = null;
    await this.#tell(changes);
  }

  async publish(outcome: Outcome): Promise<void> {
    const { id, fence } = this.job;
    await this.flush();
    await this.#options.desk.publish({ id, fence }, outcome);
  }

  async flush(): Promise<void> {
    await this.#telling;
    this.#assertTold();
    await this.#tell({});
  }

  /** A desk may be far away: the next step does not wait for it. */
  #tellBeside(): void {
    this.#telling = this.#tell({})
      .catch((error) => {
        this.#untold = { error };
      })
      .then(() => {
        this.#telling = null;
      });
  }

  /** @throws what hindered the telling */
  #assertTold(): void {
    const untold = this.#untold;
    this.#untold = null;
    if (untold) throw untold.error;
  }

  /** Tells what has gathered, and changes of the job; hears what a person has asked of it. @throws {ClaimLost} */
  async #tell(more: JobChanges): Promise<void> {
    this.#flushed = performance.now();
    const { id, fence } = this.job;
    const [points, events, progress] = [this.#points, this.#events, this.#progress];
    this.#points = [];
    this.#events = [];
    this.#progress = undefined;
    const told = progress && { progress, estimated_finish: this.#estimate(progress) };
    const news = { points, events, changes: { ...told, ...more } };
    try {
      this.#requested = await this.#options.desk.tell({ id, fence }, news);
    } catch (error) {
      // What could not be written on a full disk is written when there is room.
      if (isDiskFull(error)) {
        this.#points.unshift(...points);
        this.#events.unshift(...events.filter(({ type }) => type !== "state"));
        this.#progress ??= progress;
      }
      throw error;
    }
  }

  #estimate({ done, total }: JobProgress): string | null {
    const first = this.#first!;
    const elapsed = performance.now() - first.time;
    if (done <= first.done || elapsed < 1000) return null;
    const rest = elapsed / (done - first.done) * (total - done);
    return new Date(Date.now() + rest).toISOString();
  }
}
