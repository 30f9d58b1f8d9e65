/** The loop that claims jobs and runs them, one at a time. */
import type { Gpu } from "@/gpu/device.ts";
import { isDiskFull } from "@/lib/errors.ts";
import type { JobHandler } from "@/lib/jobs/kinds/handler.ts";
import { JobStopped } from "@/lib/specs/job_context.ts";
import { removeCheckpoints } from "@/lib/jobs/queue.ts";
import { RunningJob } from "./running_job.ts";
import { ClaimLost, type JobRow, type Store } from "@/lib/store/mod.ts";

/** So often a job may take its worker down between two checkpoints. */
export const maxCrashes = 3;
/** How often an idle loop looks for a job that nobody told it of. */
const IDLE_MS = 1000;

export interface JobRunnerOptions {
  store: Store;
  gpu: Gpu;
  kinds: Record<string, JobHandler>;
  /** Unique per process: a job that runs under another name has lost its worker. */
  name: string;
  /** Serves what came in between (predictions). */
  between(): Promise<void>;
  changed(job_id: string): void;
  log(text: string): void;
}

export class JobRunner {
  readonly #options: JobRunnerOptions;
  #leaving = false;
  #wake = Promise.withResolvers<void>();
  /** Id of the job that runs. */
  current: string | null = null;

  constructor(options: JobRunnerOptions) {
    this.#options = options;
  }

  /** Ends an idle wait: there is something to do. */
  wake(): void {
    this.#wake.resolve();
  }

  /** Lets the running job stop at its next `yield`, and the loop end. */
  leave(): void {
    this.#leaving = true;
    this.wake();
  }

  /** Resolves after `leave`; throws when the GPU cannot be used any more. */
  async loop(): Promise<void> {
    const { store, name, between, gpu, kinds } = this.#options;
    const runnable = Object.keys(kinds).filter((kind) => kinds[kind].run);
    while (!this.#leaving) {
      await between();
      const advanced = Object.values(kinds).flatMap(({ advance }) => advance?.(store) ?? []);
      for (const id of advanced) this.#options.changed(id);
      const job = store.jobs.claim(name, runnable);
      if (job) {
        await this.#execute(job);
        gpu.check();
      } else if (advanced.length === 0) await this.#idle();
    }
  }

  async #idle(): Promise<void> {
    const timer = setTimeout(() => this.wake(), IDLE_MS);
    await this.#wake.promise;
    clearTimeout(timer);
    this.#wake = Promise.withResolvers();
  }

  async #execute(job: JobRow): Promise<void> {
    const { store, gpu, kinds, between, changed, log } = this.#options;
    const leaving = () => this.#leaving;
    const run = new RunningJob({ store, gpu, job, between, changed, leaving });
    this.current = job.id;
    try {
      if (job.attempts > maxCrashes) {
        throw new Error(
          `Cannot go on: the worker died ${maxCrashes} times since the last checkpoint`,
        );
      }
      run.state(
        { state: "running", device: { ...gpu.info } },
        job.attempts > 1 ? "its worker died; it goes on from its last checkpoint" : undefined,
      );
      const result = await kinds[job.kind].run!(run);
      run.state({ state: "succeeded", result, requested: null });
      removeCheckpoints(store, job.id);
    } catch (error) {
      this.#settle(run, error, log);
    } finally {
      this.current = null;
      changed(job.id);
    }
  }

  #settle(run: RunningJob, error: unknown, log: (text: string) => void): void {
    const { store } = this.#options;
    const { id } = run.job;
    if (error instanceof ClaimLost) return log(`job ${id}: ${error.message}`);
    if (error instanceof JobStopped) {
      if (error.reason === "pause") return run.state({ state: "paused", requested: null });
      if (error.reason === "cancel") {
        run.state({ state: "cancelled", requested: null });
        return removeCheckpoints(store, id);
      }
      run.state({ state: "queued" }, "the server leaves");
      // Leaving in order is no crash.
      store.jobs.update(id, { attempts: 0 });
      return;
    }
    const message = error instanceof Error ? error.message : String(error);
    log(`job ${id}: ${error instanceof Error ? error.stack : message}`);
    if (isDiskFull(error)) {
      return run.state({ state: "paused", requested: null, error: message }, "the disk is full");
    }
    run.state({ state: "failed", requested: null, error: message }, message);
  }
}
