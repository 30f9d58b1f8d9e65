/** What a job is given while it runs (on the thread of the worker that runs jobs). */
import type { Gpu } from "@/gpu/device.ts";
import type {
  EvaluationRow,
  EventType,
  JobRow,
  ModelRow,
  SeenSet,
  SimilarityRow,
} from "@/lib/store/mod.ts";
import type { WorkerStore } from "@/lib/store/worker_store.ts";

export interface TrainingPace {
  /** Mean time of a step (one update of the weights) since the last call, seconds. */
  step_seconds: number;
  /** Images in one batch; a step takes one or, with `accumulate`, several. */
  batch_size: number;
}

/** What a job has made: rows that refer to files which are stored already. Their ids are given by who made them. */
export interface Outcome {
  /** Its version is given when it is kept. */
  model?: Omit<ModelRow, "version"> & { trained_on: SeenSet };
  evaluation?: EvaluationRow;
  similarity?: SimilarityRow;
}

export interface JobContext {
  /** `job.spec` is as the kind's `kept` says. */
  job: JobRow;
  store: WorkerStore;
  gpu: Gpu;
  /** An event that `/v1/jobs/{id}/events` shows; it is written with what else gathers, a few times a second. */
  event(type: Exclude<EventType, "state">, data: Record<string, unknown>): void;
  /** Adds points of the job's series at `step`; a step that is run again replaces its points. */
  metric(step: number, epoch: number, values: Record<string, number>): void;
  /** Tells how far the job is; cheap enough for every step (it is written at most each 250 ms). */
  progress(done: number, total: number, unit: string): void;
  /**
   * Keeps what the job has made, all or nothing; the same once more changes nothing.
   * @throws {ClaimLost} when another worker has the job by now
   */
  publish(outcome: Outcome): Promise<void>;
  /** Writes what has gathered: events that must be there before the job goes on. @throws {ClaimLost} */
  flush(): Promise<void>;
  /** Tells how fast a training goes just now; it is shown in `/metrics` and kept nowhere. */
  pace(pace: TrainingPace): void;
  /**
   * Call between steps, at least each second or so: serves what came in and notices requests.
   * @throws {JobStopped} when the job shall stop here; a loop that can go on later saves a
   * checkpoint and throws the error on
   */
  yield(): Promise<void>;
  /** The directory for this job's checkpoints; it exists. */
  checkpoints: string;
}

/** The job stops before its end: asked by a person, or because the server leaves. */
export class JobStopped extends Error {
  override name = "JobStopped";
  constructor(readonly reason: "cancel" | "pause" | "shutdown") {
    super(`Cannot go on: ${reason} was asked for`);
  }
}

/** The job cannot go on here and has lost nothing: it is paused, with what a person may do. */
export class JobHeld extends Error {
  override name = "JobHeld";
}
