/** The loop that claims jobs and runs them, one at a time. */
import { adapterName } from "@/lib/adapter_name.ts";
import type { Gpu } from "@/gpu/device.ts";
import { ClaimLost, isDiskFull } from "@/lib/errors.ts";
import { unquoted, withoutNames } from "@/lib/log.ts";
import type { HandlerOf } from "@/lib/jobs/kinds/handler.ts";
import { JobHeld, JobStopped, type TrainingPace } from "@/lib/specs/job_context.ts";
import { removeCheckpoints } from "@/lib/jobs/checkpoints.ts";
import { RunningJob } from "./running_job.ts";
import type { JobRow } from "@/lib/store/mod.ts";
import type { WorkerStore } from "@/lib/store/worker_store.ts";
import type { Desk } from "./desk.ts";

/** So often a job may take its worker down between two checkpoints. */
export const maxCrashes = 3;
/** How often an idle loop looks for a job that nobody told it of. */
const IDLE_MS = 1000;
/** How often a full disk is looked at. */
const ROOM_MS = 2000;

export interface JobRunnerOptions {
  desk: Desk;
  store: WorkerStore;
  gpu: Gpu;
  kinds: Record<string, HandlerOf>;
  /** Serves what came in between (views to be shown). */
  between(): Promise<void>;
  log(text: string): void;
}

export class JobRunner {
  readonly #options: JobRunnerOptions;
  #leaving = false;
  #wake = Promise.withResolvers<void>();
  /** Id of the job that runs. */
  current: string | null = null;
  #run?: RunningJob;

  constructor(options: JobRunnerOptions) {
    this.#options = options;
  }

  /** How fast the running job trains; null when it does not, or has not said yet. */
  get training(): TrainingPace | null {
    return this.#run?.training ?? null;
  }

  /** Ends an idle wait: there is something to do. */
  wake(): void {
    this.#wake.resolve();
  }

  /** Tells of the running job what nobody in it can tell any more. */
  async warn(message: string): Promise<void> {
    this.#run?.event("warning", { message });
    await this.#run?.flush();
  }

  /** Lets the running job stop at its next `yield`, and the loop end. */
  leave(): void {
    this.#leaving = true;
    this.wake();
  }

  /** Resolves after `leave`; throws when the GPU cannot be used any more. */
  async loop(): Promise<void> {
    const { desk, between, gpu, kinds } = this.#options;
    const runnable = Object.keys(kinds).filter((kind) => kinds[kind]);
    while (!this.#leaving) {
      await between();
      try {
        const job = await desk.claim(runnable, adapterName(gpu.info));
        if (job) {
          await this.#execute(job);
          gpu.check();
        } else await this.#idle();
      } catch (error) {
        if (!isDiskFull(error)) throw error;
        await this.#giveBack();
        await this.#room();
      }
    }
  }

  /** What could not even begin here may elsewhere. */
  async #giveBack(): Promise<void> {
    try {
      await this.#options.desk.release();
    } catch (error) {
      // Where the rows are on the full disk.
      if (!isDiskFull(error)) throw error;
    }
  }

  /** Waits until something can be written again, and serves what comes in meanwhile. */
  async #room(): Promise<void> {
    const { desk, between, log } = this.#options;
    log("The disk is full: jobs wait until there is room");
    while (!this.#leaving) {
      const until = performance.now() + ROOM_MS;
      while (performance.now() < until && !this.#leaving) {
        await between();
        await this.#idle(Math.min(IDLE_MS, ROOM_MS));
      }
      if (await desk.hasRoom()) return log("There is room on the disk again");
    }
  }

  async #idle(ms = IDLE_MS): Promise<void> {
    const timer = setTimeout(() => this.wake(), ms);
    await this.#wake.promise;
    clearTimeout(timer);
    this.#wake = Promise.withResolvers();
  }

  async #execute(job: JobRow): Promise<void> {
    const { desk, store, gpu, kinds, between, log } = this.#options;
    const leaving = () => this.#leaving;
    const run = new RunningJob({ desk, store, gpu, job, between, leaving });
    this.current = job.id;
    this.#run = run;
    try {
      if (job.attempts > maxCrashes) {
        throw new Error(
          `Cannot go on: the worker died ${maxCrashes} times since the last checkpoint`,
        );
      }
      await run.state(
        { state: "running", device: { ...gpu.info } },
        job.attempts > 1 ? "its worker died; it goes on from its last checkpoint" : undefined,
      );
      const handler = await kinds[job.kind]!();
      const result = await handler.run(run);
      await run.state({ state: "succeeded", result, requested: null });
      removeCheckpoints(store, job.id);
    } catch (error) {
      await this.#settle(run, error, log);
    } finally {
      this.current = null;
      this.#run = undefined;
    }
  }

  async #settle(run: RunningJob, error: unknown, log: (text: string) => void): Promise<void> {
    const message = error instanceof Error ? error.message : String(error);
    if (isDiskFull(error)) return await this.#waitForRoom(run, message);
    try {
      await this.#tell(run, error, log);
    } catch (full) {
      if (!isDiskFull(full)) throw full;
      await this.#room();
      if (!this.#leaving) await this.#tell(run, error, log);
    }
  }

  /** A job that found the disk full is paused, where even that can be written, and goes on by itself. */
  async #waitForRoom(run: RunningJob, message: string): Promise<void> {
    const { desk } = this.#options;
    let told = true;
    try {
      const reason = "the disk is full; it goes on by itself once there is room";
      await run.state({ state: "paused", requested: null, error: message }, reason);
    } catch (error) {
      if (error instanceof ClaimLost) return;
      if (!isDiskFull(error)) throw error;
      told = false;
    }
    await this.#room();
    if (this.#leaving) return;
    try {
      if (told) return await desk.goOn(run.job.id, message);
      await run.state({ state: "queued", attempts: 0 }, "there is room on the disk again");
    } catch (error) {
      // Somebody else has seen to it meanwhile, or will.
      if (!(error instanceof ClaimLost)) throw error;
    }
  }

  async #tell(run: RunningJob, error: unknown, log: (text: string) => void): Promise<void> {
    const { store } = this.#options;
    const { id } = run.job;
    if (error instanceof ClaimLost) return log(`job ${id}: ${unquoted(error.message)}`);
    if (error instanceof JobStopped) {
      if (error.reason === "pause") return await run.state({ state: "paused", requested: null });
      if (error.reason === "cancel") {
        await run.state({ state: "cancelled", requested: null });
        return removeCheckpoints(store, id);
      }
      // Leaving in order is no crash.
      return await run.state({ state: "queued", attempts: 0 }, "its worker leaves");
    }
    const message = error instanceof Error ? error.message : String(error);
    if (error instanceof JobHeld) {
      return await run.state({ state: "paused", requested: null, error: message }, message);
    }
    log(`job ${id}: ${withoutNames(error)}`);
    await run.state({ state: "failed", requested: null, error: message }, message);
  }
}
