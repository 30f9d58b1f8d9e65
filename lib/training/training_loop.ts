/**
 * The loop of every training: batches in their order, reports, checkpoints between epochs, stopping and going
 * on, and what happens when a number is not finite.
 */
import type { JobContext } from "@/lib/specs/job_context.ts";
import { JobHeld, JobStopped } from "@/lib/specs/job_context.ts";
import type { Checkpoints, State } from "./checkpoint.ts";
import { epochBatches, type OrderOptions, stepsPerEpoch, type Tail } from "./batch_sampler.ts";

/** A place in training. A step is one update of the weights, of one or more batches. */
export interface Moment {
  epoch: number;
  /** From 0, over all epochs. */
  step: number;
  /** Steps of the whole training. */
  steps: number;
  /** Number of this batch within the step, and how many there are. */
  part: number;
  parts: number;
}

/** What is trained. */
export interface Trainee {
  /** Queues one batch; says what is known of it already (pairs, learning rate). */
  run(batch: Uint32Array<ArrayBuffer>, moment: Moment): Record<string, number>;
  /** What the runs since the last call recorded, oldest first; `loss` among it. */
  recorded(): Promise<Record<string, number>[]>;
  /** All that changes by training, as it is at the call; what is returned brings it to the host, and is called once. */
  snapshot(): Promise<() => Promise<State>>;
  restore(state: State): void;
}

export interface TrainingLoopOptions {
  images: number;
  batch: number;
  accumulate: number;
  tail: Tail;
  seed: number;
  /** Arranges the images of an epoch. */
  arrange?: OrderOptions["arrange"];
  epochs: number;
  /** Steps between two reports. */
  reportEvery: number;
  checkpoints: Checkpoints;
  /** Goes into every checkpoint: resolved spec, digests, code version, adapter. */
  identity: Record<string, unknown>;
  /** What the hook below knows, kept in checkpoints: plain JSON. */
  notes?: Record<string, unknown>;
  /** After the last step of an epoch, before its checkpoint, which is made for sure when it changes the notes; true ends training. */
  afterEpoch?(epoch: number, notes: Record<string, unknown>): Promise<boolean>;
  /** Told every report: means since the last one. */
  onReport?(values: Record<string, number>, step: number): void;
  /** Put in front of the names of metrics: "fold 2 ". */
  prefix?: string;
  /** Steps done and to do outside of this loop (other folds). */
  offset?: { done: number; total: number };
  /** Part of the time that checkpoints of epochs may take; 0.05 when not given. */
  checkpointShare?: number;
}

/** Steps with a number that is not finite, left out before a job fails. */
const MOST_SKIPPED = 3;
/** Batches between two readings; a step more must not outgrow the 256 records that are kept. */
const MOST_UNREAD = 128;
/** A checkpoint is made when the last is so old, s, also within an epoch. */
const SAVE_SECONDS = 60;
/** One is made at the end of each epoch, as long as the training spends no more of its time on them. */
const SAVE_SHARE = 0.05;
/** Aim of the time between two readings, s: who asks this thread waits no longer than that for queued steps. */
const READ_SECONDS = 0.5;

/** Where a part of a training ran. */
export interface DevicePart {
  /** As the adapter names itself. */
  device: string;
  /** The first step there; those of folds before count too. */
  from_step: number;
}

export interface TrainingLoopResult {
  /** One entry, unless it went on elsewhere. */
  devices: DevicePart[];
  notes: Record<string, unknown>;
  steps: number;
  skipped: number[];
  /** Mean loss of the last report. */
  loss: number;
}

/** Parts one after the other; those on the same device are one. */
export const joined = (parts: DevicePart[]): DevicePart[] =>
  parts.filter(({ device }, i) => device !== parts[i - 1]?.device);

/** Steps in `epochs` epochs. */
export function stepsOf(
  options: Pick<TrainingLoopOptions, "images" | "batch" | "accumulate" | "tail" | "epochs">,
) {
  const batches = stepsPerEpoch(options.images, options.batch, options.tail);
  return Math.ceil(batches / options.accumulate) * options.epochs;
}

/**
 * Trains to the end, from the newest checkpoint if there is one.
 * @throws {JobStopped} after saving a checkpoint, when the job shall stop
 * @throws {Error} when a fourth step gives a number that is not finite
 */
export async function runTrainingLoop(
  context: JobContext,
  trainee: Trainee,
  options: TrainingLoopOptions,
): Promise<TrainingLoopResult> {
  return await new TrainingLoop(context, trainee, options).run();
}

class TrainingLoop {
  private step = 0;
  private notes: Record<string, unknown>;
  private skipped: number[] = [];
  private loss = NaN;
  private finished = false;
  private devices: DevicePart[] = [];
  /** Steps whose records were not read yet. */
  private unread: { step: number; epoch: number; known: Record<string, number> }[] = [];
  /** Read since the last report. */
  private values: Record<string, number>[] = [];
  private readSince = performance.now();
  private reportSince = performance.now();
  /** When the last checkpoint was begun, and what it took until it was on the disk, ms. */
  private savedAt = performance.now();
  private saveTook = 0;
  /** One that is written beside the steps; settles without an error. */
  private writing?: Promise<void>;
  /** Why that could not be written. */
  private unwritten?: { error: unknown };
  private savedNotes = "";
  /** Batches. */
  private readEvery = 1;
  /** The batches of the epoch at hand. */
  private ordered?: { epoch: number; batches: Uint32Array<ArrayBuffer>[] };
  private readonly perEpoch: number;
  private readonly steps: number;

  constructor(
    readonly context: JobContext,
    readonly trainee: Trainee,
    readonly options: TrainingLoopOptions,
  ) {
    this.notes = { ...options.notes };
    this.perEpoch = stepsOf({ ...options, epochs: 1 });
    this.steps = stepsOf(options);
  }

  async run(): Promise<TrainingLoopResult> {
    try {
      return await this.train();
    } finally {
      await this.writing;
    }
  }

  private async train(): Promise<TrainingLoopResult> {
    const resumed = await this.goBack();
    // What is done of the whole job, as its progress counts.
    const resumed_at = (this.options.offset?.done ?? 0) + this.step;
    if (this.step > 0) {
      this.context.event("log", {
        message: `goes on from step ${this.step}`,
        step: this.step,
        resumed_at,
      });
    }
    this.noteDevice();
    if (!resumed) await this.save();
    while (!this.finished && this.step < this.steps) {
      try {
        await this.context.yield();
      } catch (error) {
        if (error instanceof JobStopped) {
          if (await this.read()) await this.save();
          await this.written();
        }
        throw error;
      }
      this.assertWritten();
      await this.oneStep();
    }
    await this.written();
    const { notes, steps, skipped, loss, devices } = this;
    return { notes, steps, skipped, loss, devices };
  }

  /** A training that goes on on another adapter is told apart: sums are rounded otherwise there. */
  private noteDevice(): void {
    const { adapter } = this.options.identity;
    const last = this.devices.at(-1);
    if (typeof adapter !== "string" || last?.device === adapter) return;
    if (last) {
      const message = `goes on on ${adapter} (was ${last.device}) from step ${this.step}: ` +
        "results are no longer identical to a run on one adapter";
      this.context.event("warning", { message });
    }
    const from_step = (this.options.offset?.done ?? 0) + this.step;
    this.devices = [...this.devices, { device: adapter, from_step }];
  }

  private async oneStep(): Promise<void> {
    const { accumulate, reportEvery } = this.options;
    const { step, perEpoch, steps } = this;
    const epoch = Math.floor(step / perEpoch);
    if (!this.skipped.includes(step)) {
      const first = step % perEpoch * accumulate;
      const parts = this.batchesOf(epoch).slice(first, first + accumulate);
      parts.forEach((part, i) => {
        const known = this.trainee.run(part, { epoch, step, steps, part: i, parts: parts.length });
        this.unread.push({ step, epoch, known });
      });
    }
    this.step++;
    const { done, total } = this.options.offset ?? { done: 0, total: steps };
    this.context.progress(done + this.step, total, "steps");
    const epochEnds = this.step % perEpoch === 0;
    const due = this.step % reportEvery === 0 || epochEnds;
    if (due || this.unread.length >= this.readEvery) {
      if (!await this.read()) return;
      if (due) this.report(epoch);
    }
    if (epochEnds) {
      this.finished = await this.options.afterEpoch?.(epoch, this.notes) ?? false;
      if (this.finished || step + 1 === steps || this.isDue()) await this.save();
    } else if (performance.now() - this.savedAt > SAVE_SECONDS * 1000 && await this.read()) {
      await this.save();
    }
  }

  private batchesOf(epoch: number): Uint32Array<ArrayBuffer>[] {
    if (this.ordered?.epoch !== epoch) {
      const { images, batch } = this.options;
      this.ordered = { epoch, batches: epochBatches(images, batch, { ...this.options, epoch }) };
    }
    return this.ordered.batches;
  }

  /** Reads what was recorded; false when a step went wrong and training went back to a checkpoint. */
  private async read(): Promise<boolean> {
    const unread = this.unread.splice(0);
    if (unread.length === 0) return true;
    const records = (await this.trainee.recorded()).slice(-unread.length);
    const seconds = (performance.now() - this.readSince) / 1000;
    this.readSince = performance.now();
    const perBatch = seconds / unread.length;
    const steps = new Set(unread.map(({ step }) => step)).size;
    this.context.pace({ step_seconds: seconds / steps, batch_size: this.options.batch });
    this.readEvery = Math.max(1, Math.min(MOST_UNREAD, Math.round(READ_SECONDS / perBatch)));
    for (let i = 0; i < records.length; i++) {
      const values = { ...unread[i].known, ...records[i] };
      const wrong = Object.keys(values).find((name) => !Number.isFinite(values[name]));
      if (wrong) {
        await this.skip(unread[i].step, wrong);
        return false;
      }
      this.values.push(values);
    }
    return true;
  }

  /** Leaves `step` out, from the last good checkpoint on. */
  private async skip(step: number, name: string): Promise<void> {
    if (this.skipped.length === MOST_SKIPPED) {
      throw new Error(
        `Cannot train on: "${name}" was not finite at step ${step}, after steps ${
          this.skipped.join(", ")
        } were left out for the same reason; a lower learning rate or a warm-up may help`,
      );
    }
    const skipped = [...this.skipped, step];
    this.context.event("warning", {
      message: `"${name}" was not finite; the step is left out`,
      step,
    });
    if (await this.goBack() && this.step > 0) {
      this.context.event("log", { message: `goes on from step ${this.step}`, step: this.step });
    }
    this.skipped = skipped;
    this.values = [];
  }

  private report(epoch: number): void {
    if (this.values.length === 0) return;
    const values = this.values.splice(0);
    const names = new Set(values.flatMap((value) => Object.keys(value)));
    const means = Object.fromEntries([...names].map((name) => {
      const known = values.filter((value) => name in value);
      return [name, known.reduce((sum, value) => sum + value[name], 0) / known.length];
    }));
    this.loss = means.loss;
    const seconds = (performance.now() - this.reportSince) / 1000;
    this.reportSince = performance.now();
    const { prefix = "", batch } = this.options;
    const all = { ...means, images_per_second: values.length * batch / seconds };
    this.options.onReport?.(all, this.step);
    this.context.metric(
      this.step,
      epoch,
      Object.fromEntries(Object.entries(all).map(([name, value]) => [prefix + name, value])),
    );
  }

  /** Whether the end of an epoch deserves a checkpoint. */
  private isDue(): boolean {
    const { checkpointShare = SAVE_SHARE } = this.options;
    const since = performance.now() - this.savedAt;
    const took = this.writing ? since : this.saveTook;
    return since > SAVE_SECONDS * 1000 || took <= checkpointShare * since ||
      JSON.stringify(this.notes) !== this.savedNotes;
  }

  /** Makes a checkpoint of what is now; it is written while the steps go on, one at a time. */
  private async save(): Promise<void> {
    const began = performance.now();
    await this.written();
    this.savedAt = performance.now();
    this.savedNotes = JSON.stringify(this.notes);
    // What was reported up to here is kept first: whoever takes up the checkpoint does not report it again.
    await this.context.flush();
    const read = await this.trainee.snapshot();
    this.writing = this.write(read, (performance.now() - began) / 1000)
      .catch((error) => {
        this.unwritten = { error };
      })
      .then(() => {
        this.writing = undefined;
      });
  }

  /** @param waited seconds that the training has waited for it */
  private async write(read: () => Promise<State>, waited: number): Promise<void> {
    const { step, skipped, finished, devices } = this;
    // Those of now: the next epoch may end meanwhile.
    const notes = structuredClone(this.notes);
    const meta = { ...this.options.identity, step, notes, skipped, finished, devices };
    const sha256 = await this.options.checkpoints.save(step, { state: await read(), meta });
    const epoch = Math.floor(step / this.perEpoch);
    this.context.event("checkpoint", { step, epoch, sha256, waited });
    // Else a job that takes its worker down behind each checkpoint would be taken up without end.
    await this.context.flush();
    this.saveTook = performance.now() - this.savedAt;
  }

  /** Waits for the checkpoint that is being written. @throws what hindered it */
  private async written(): Promise<void> {
    await this.writing;
    this.assertWritten();
  }

  private assertWritten(): void {
    const failed = this.unwritten;
    this.unwritten = undefined;
    if (failed) throw failed.error;
  }

  /**
   * Takes up the newest sound checkpoint; false when there is none.
   * @throws {JobHeld} when it does not fit this training
   */
  private async goBack(): Promise<boolean> {
    await this.written();
    const checkpoint = await this.options.checkpoints.load();
    if (!checkpoint) return false;
    try {
      this.trainee.restore(checkpoint.state);
    } catch (error) {
      const { spec } = checkpoint.meta as { spec?: { code_version?: string } };
      throw new JobHeld(
        `Cannot take up the checkpoint of step ${checkpoint.step}: it was written by version ` +
          `${spec?.code_version ?? "(unknown)"}, whose training is laid out otherwise ` +
          `(${
            (error as Error).message
          }). Resume it with that version, or cancel it and start it anew`,
      );
    }
    const { step, notes, skipped, finished, adapter, devices } = checkpoint.meta as {
      step: number;
      notes: Record<string, unknown>;
      skipped: number[];
      finished: boolean;
      adapter?: string;
      /** Absent in checkpoints of before. */
      devices?: DevicePart[];
    };
    Object.assign(this, { step, notes, skipped, finished });
    this.devices = devices ?? (adapter === undefined ? [] : [{ device: adapter, from_step: 0 }]);
    return true;
  }
}
