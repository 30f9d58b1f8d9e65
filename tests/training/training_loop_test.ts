import assert from "node:assert/strict";
import { JobHeld, JobStopped } from "@/lib/specs/job_context.ts";
import { Checkpoints, type State } from "@/lib/training/checkpoint.ts";
import {
  type Moment,
  runTrainingLoop,
  type Trainee,
  type TrainingLoopOptions,
} from "@/lib/training/training_loop.ts";
import { type Recorded, recorded } from "../support/context.ts";
import { withDirectory } from "../support/temporary.ts";

/** A running sum that depends on every image, its order and the rate: any slip in going on shows. */
class Sum implements Trainee {
  value = Float32Array.of(1);
  seen: { batch: number[]; moment: Moment }[] = [];
  /** Times that a step gives NaN. */
  wrong = new Map<number, number>();
  private records: Record<string, number>[] = [];

  run(batch: Uint32Array, moment: Moment) {
    this.seen.push({ batch: [...batch], moment });
    for (const image of batch) this.value[0] = Math.fround(this.value[0] * 1.01 + image / 97);
    const left = this.wrong.get(moment.step) ?? 0;
    if (left > 0) {
      this.wrong.set(moment.step, left - 1);
      this.value[0] = NaN;
    }
    this.records.push({ loss: this.value[0] });
    return { rate: moment.step };
  }
  recorded = () => Promise.resolve(this.records.splice(0));
  snapshot = (): Promise<() => Promise<State>> => {
    const state: State = new Map([["value", { shape: [1], data: this.value.slice() }]]);
    return Promise.resolve(() => Promise.resolve(state));
  };
  restore(state: State) {
    this.value = state.get("value")!.data.slice();
  }
}

const base = {
  images: 23,
  batch: 4,
  accumulate: 2,
  tail: "drop" as const,
  seed: 5,
  epochs: 4,
  reportEvery: 2,
  identity: { spec: {} },
  checkpointShare: 1e9,
};

async function train(
  directory: string,
  trainee: Trainee,
  options: Partial<TrainingLoopOptions> = {},
  stopAt?: number,
): Promise<{ context: Recorded; result?: Awaited<ReturnType<typeof runTrainingLoop>> }> {
  const context = recorded({ checkpoints: directory, stopAt });
  const checkpoints = new Checkpoints(directory);
  try {
    return {
      context,
      result: await runTrainingLoop(context, trainee, { ...base, ...options, checkpoints }),
    };
  } catch (error) {
    if (!(error instanceof JobStopped)) throw error;
    return { context };
  }
}

Deno.test("every step has its batches, parts, reports and checkpoints", () =>
  withDirectory(async (directory) => {
    const trainee = new Sum();
    const { context, result } = await train(directory, trainee);
    // 5 batches an epoch, in steps of 2, 2 and 1.
    assert.equal(result!.steps, 12);
    assert.deepEqual(trainee.seen.map(({ moment }) => moment.parts).slice(0, 5), [2, 2, 2, 2, 1]);
    assert.deepEqual(trainee.seen.at(-1)!.moment, {
      epoch: 3,
      step: 11,
      steps: 12,
      part: 0,
      parts: 1,
    });
    const epoch = trainee.seen.slice(5, 10).flatMap(({ batch }) => batch);
    assert.equal(new Set(epoch).size, 20, "no image twice in an epoch");
    assert.deepEqual(context.metrics.map(({ step }) => step), [2, 3, 4, 6, 8, 9, 10, 12]);
    const { images_per_second, loss, ...rest } = context.metrics[0].values;
    assert.deepEqual(rest, { rate: 0.5 });
    assert.ok(images_per_second > 0 && loss > 0);
    const saved = context.events.filter(({ type }) => type === "checkpoint");
    assert.deepEqual(saved.map(({ data }) => data.step), [0, 3, 6, 9, 12]);
    assert.deepEqual(context.done, { done: 12, total: 12 });
    assert.ok(context.paces.length >= 8, "with every report at the least");
    for (const { step_seconds, batch_size } of context.paces) {
      assert.ok(step_seconds > 0);
      assert.equal(batch_size, base.batch);
    }
  }));

Deno.test("epochs that are shorter than their checkpoints take few; what a hook notes is always kept", () =>
  withDirectory(async (directory) => {
    const afterEpoch = (epoch: number, notes: Record<string, unknown>) => {
      if (epoch === 1) notes.best = epoch;
      return Promise.resolve(false);
    };
    const { context, result } = await train(directory, new Sum(), {
      ...{ checkpointShare: 0, epochs: 6, afterEpoch },
    });
    assert.equal(result!.steps, 18);
    const saved = context.events.filter(({ type }) => type === "checkpoint");
    assert.deepEqual(saved.map(({ data }) => data.step), [0, 6, 18]);
  }));

Deno.test("stopped anywhere and taken up, the end is the same to the bit", async () => {
  const whole = new Sum();
  await withDirectory(async (directory) => void await train(directory, whole));
  for (const stopAt of [1, 2, 4, 8, 12]) {
    await withDirectory(async (directory) => {
      const { result } = await train(directory, new Sum(), {}, stopAt);
      assert.equal(result, undefined);
      const second = new Sum();
      await train(directory, second);
      assert.equal(second.value[0], whole.value[0], `stopped at ${stopAt}`);
    });
  }
});

Deno.test("killed without a word, the epoch is run again and the end is the same", async () => {
  const whole = new Sum();
  await withDirectory(async (directory) => void await train(directory, whole));
  await withDirectory(async (directory) => {
    const dying = new Sum();
    const run = dying.run.bind(dying);
    dying.run = (batch, moment) => {
      if (moment.step === 7) throw new Error("killed");
      return run(batch, moment);
    };
    await assert.rejects(train(directory, dying), /killed/);
    const second = new Sum();
    const { context } = await train(directory, second);
    assert.equal(second.seen[0].moment.step, 6);
    assert.equal(second.value[0], whole.value[0]);
    assert.match(String(context.events[0].data.message), /goes on from step 6/);
  });
});

/** Checkpoints that are written when the test says so. */
class Slow extends Checkpoints {
  readonly begun: number[] = [];
  readonly go = Promise.withResolvers<void>();

  override async save(...args: Parameters<Checkpoints["save"]>): Promise<string> {
    this.begun.push(args[0]);
    if (args[0] === 3) await this.go.promise;
    return await super.save(...args);
  }
}

Deno.test("steps go on while a checkpoint is written; it is told of when it lies on the disk", () =>
  withDirectory(async (directory) => {
    const whole = new Sum();
    await withDirectory(async (other) => void await train(other, whole));
    const checkpoints = new Slow(directory);
    const trainee = new Sum();
    const context = recorded({ checkpoints: directory });
    const saved = () =>
      context.events.filter(({ type }) => type === "checkpoint").map(({ data }) => data.step);
    const run = trainee.run.bind(trainee);
    let told: unknown[] | undefined;
    trainee.run = (batch, moment) => {
      if (moment.step === 5) {
        told = saved();
        checkpoints.go.resolve();
      }
      return run(batch, moment);
    };
    await runTrainingLoop(context, trainee, { ...base, checkpoints });
    assert.deepEqual(told, [0], "the one of step 3 is not on the disk yet");
    assert.deepEqual(saved(), [0, 3, 6, 9, 12], "one after the other");
    assert.equal(trainee.value[0], whole.value[0]);
    const waits = context.events.filter(({ type }) => type === "checkpoint")
      .map(({ data }) => data.waited);
    assert.ok(waits.every((waited) => typeof waited === "number" && waited >= 0));
  }));

Deno.test("a checkpoint that cannot be written ends the training with the reason", () =>
  withDirectory(async (directory) => {
    const checkpoints = new Slow(directory);
    checkpoints.go.reject(new Error("No space left on device"));
    checkpoints.go.promise.catch(() => {});
    const trainee = new Sum();
    const context = recorded({ checkpoints: directory });
    await assert.rejects(
      runTrainingLoop(context, trainee, { ...base, checkpoints }),
      /No space left on device/,
    );
    assert.deepEqual(checkpoints.begun, [0, 3]);
    assert.ok(trainee.seen.at(-1)!.moment.step <= 6, "not at the end only");
  }));

Deno.test("a training that goes on on another adapter says so, and where it ran", () =>
  withDirectory(async (directory) => {
    await train(directory, new Sum(), { identity: { spec: {}, adapter: "A" } }, 7);
    const { context, result } = await train(directory, new Sum(), {
      identity: { spec: {}, adapter: "B" },
    });
    const warnings = context.events.filter(({ type }) => type === "warning");
    assert.deepEqual(warnings.map(({ data }) => data.message), [
      "goes on on B (was A) from step 6: results are no longer identical to a run on one adapter",
    ]);
    assert.deepEqual(result!.devices, [
      { device: "A", from_step: 0 },
      { device: "B", from_step: 6 },
    ]);
    const again = await train(directory, new Sum(), { identity: { spec: {}, adapter: "B" } });
    assert.deepEqual(again.result!.devices, result!.devices);
    assert.deepEqual(again.context.events.filter(({ type }) => type === "warning"), []);
  }));

Deno.test("a checkpoint of a training laid out otherwise holds the job, and stays", () =>
  withDirectory(async (directory) => {
    const identity = { spec: { code_version: "0.0.1" } };
    await train(directory, new Sum(), { identity }, 7);
    const files = () => [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
    const before = files();
    const other = new Sum();
    other.restore = () => {
      throw new Error('Cannot restore parameters: 3 numbers expected in "values", got 1');
    };
    await assert.rejects(
      train(directory, other),
      (error) => error instanceof JobHeld && /version 0\.0\.1.*3 numbers/.test(error.message),
    );
    assert.deepEqual(files(), before);
  }));

Deno.test("a number that is not finite: the step is left out from the last checkpoint on", () =>
  withDirectory(async (directory) => {
    const trainee = new Sum();
    trainee.wrong = new Map([[4, 1], [7, 1]]);
    const { context, result } = await train(directory, trainee);
    assert.deepEqual(result!.skipped, [4, 7]);
    assert.ok(Number.isFinite(trainee.value[0]));
    const warnings = context.events.filter(({ type }) => type === "warning");
    assert.deepEqual(warnings.map(({ data }) => data.step), [4, 7]);
  }));

Deno.test("the fourth such step fails the job with the reason", () =>
  withDirectory(async (directory) => {
    const trainee = new Sum();
    trainee.wrong = new Map([[1, 9], [4, 9], [5, 9], [7, 9]]);
    await assert.rejects(
      train(directory, trainee),
      /"loss" was not finite at step 7, after steps 1, 4, 5/,
    );
  }));

Deno.test("the hook after an epoch can end training, and its notes survive a stop", () =>
  withDirectory(async (directory) => {
    const afterEpoch = (epoch: number, notes: Record<string, unknown>) => {
      notes.epochs = [...(notes.epochs as number[] ?? []), epoch];
      return Promise.resolve(epoch === 2);
    };
    await train(directory, new Sum(), { afterEpoch }, 8);
    const second = new Sum();
    const { result } = await train(directory, second, { afterEpoch });
    assert.deepEqual(result!.notes.epochs, [0, 1, 2]);
    assert.equal(second.seen.at(-1)!.moment.epoch, 2);
    const third = new Sum();
    await train(directory, third, { afterEpoch });
    assert.equal(third.seen.length, 0, "a finished training is not gone on with");
  }));
