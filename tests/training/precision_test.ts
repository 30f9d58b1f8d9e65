/** Training over feature maps in f16, beside the same in f32. */
import assert from "node:assert/strict";
import { openGpu } from "@/gpu/device.ts";
import { compile } from "@/gpu/program.ts";
import type { Precision } from "@/gpu/tensor.ts";
import { InvalidInput } from "@/lib/errors.ts";
import { fingerprint } from "@/lib/jobs/fingerprint.ts";
import { parseFinetune } from "@/lib/specs/finetune.ts";
import { initialize } from "@/lib/models/initial.ts";
import { estimateFinetune } from "@/lib/training/estimate.ts";
import { finetuneTape } from "@/lib/training/finetuner.ts";
import { updateMetrics } from "@/lib/training/optimizer.ts";
import { difference, noise } from "../support/operation.ts";

const gpu = await openGpu();
const half = { ignore: !gpu.features.f16 };
if (half.ignore) console.log("Skips the tests of f16: this adapter has no shader-f16");
const [N, S] = [12, 48];
const classes = ["a", "b", "c"];
const network = {
  backbone: "resnet18" as const,
  width: 16,
  channels: 3 as const,
  image_size: S,
  normalization: "dataset" as const,
};
/** Half the distance of neighbours in f16, relative. */
const ROUNDING = 2 ** -11;

function specOf(precision: Precision, more: Record<string, unknown> = {}) {
  const given = { dataset: "x", optimizer: { name: "sgd" }, precision, ...more };
  return { ...parseFinetune(given), ...network };
}

/** Pictures whose grey level tells their class, under noise. */
function pictures(n: number, seed: number): Float32Array<ArrayBuffer> {
  const { data } = noise([n, S, S, 4], seed);
  return data.map((value, i) =>
    i % 4 === 3 ? 0 : value + Math.floor(i / (S * S * 4)) % classes.length - 1
  );
}

function trainee(precision: Precision, options: { parts?: number; spec?: object } = {}) {
  const { parts = 1 } = options;
  const batch = N / parts;
  const spec = { ...specOf(precision), ...options.spec };
  const { tape, store, optimizer } = finetuneTape(gpu, spec, classes, { batch });
  const program = compile(tape);
  initialize(store, 4);
  program.write(
    "targets",
    Float32Array.from({ length: batch * 3 }, (_, i) => +(i % 3 === Math.floor(i / 3) % 3)),
  );
  let steps = 0;
  return {
    store,
    program,
    async scale(to?: number) {
      const weight = { shape: [1], data: Float32Array.of(to ?? 0) };
      if (to !== undefined) store.load(new Map([["loss_scale", weight]]));
      const read = await store.read(({ name }) => name === "loss_scale");
      return read.get("loss_scale")!.data[0];
    },
    /** One update; gradients only where the rate is 0. */
    step(seed: number, lr = 0.02) {
      const all = pictures(N, seed);
      program.set({ lr, ...optimizer.scalars(++steps), "gradient.scale": 1 / parts });
      for (let part = 0; part < parts; part++) {
        const length = all.length / parts;
        program.write("views", all.slice(part * length, (part + 1) * length));
        program.run({ clear: part === 0, update: part === parts - 1 });
      }
    },
    records: async () => (await program.metrics()).map(({ values }) => values),
    destroy() {
      program.destroy();
      store.destroy();
    },
  };
}

/** Loss, and the gradient of all parameters one after the other, of the first step. */
async function firstStep(precision: Precision, options: { rounded?: boolean } = {}) {
  const made = trainee(precision);
  if (options.rounded) {
    const weights = await made.store.read(({ section }) => section === "values");
    let seed = 100;
    for (const weight of weights.values()) {
      const { data } = noise([weight.data.length], seed++);
      weight.data = weight.data.map((value, i) => value * (1 + ROUNDING * data[i]));
    }
    made.store.load(weights);
  }
  const scale = precision === "f16" ? await made.scale() : 1;
  made.step(1, 0);
  const gradients = await made.store.read(() => true, "gradients");
  const [{ loss, gradient_norm, skipped }] = await made.records();
  const bytes = made.program.bytes.values;
  made.destroy();
  const g = Float64Array.from([...gradients.values()].flatMap(({ data }) => [...data]));
  return { loss, gradient_norm, skipped, bytes, g: g.map((value) => value / scale) };
}

const dot = (a: Float64Array, b: Float64Array) =>
  a.reduce((sum, value, i) => sum + value * b[i], 0);
const length = (a: Float64Array) => Math.sqrt(dot(a, a));
const angle = (a: Float64Array, b: Float64Array) => dot(a, b) / length(a) / length(b);
const gap = (a: Float64Array, b: Float64Array) => length(a.map((v, i) => v - b[i])) / length(b);

Deno.test({
  name:
    "resnet18: loss, gradient and its length are as near to f32 as weights off by f16's rounding",
  ...half,
  async fn() {
    const exact = await firstStep("f32");
    const off = await firstStep("f32", { rounded: true });
    const narrow = await firstStep("f16");
    assert.ok(Math.abs(narrow.loss / exact.loss - 1) < 5e-3, `${narrow.loss} ${exact.loss}`);
    assert.equal(narrow.skipped, 0);
    assert.ok(Math.abs(narrow.gradient_norm / exact.gradient_norm - 1) < 0.05);
    // ReLUs that let another value pass change a gradient more than any rounding of it does.
    const [error, inherent] = [gap(narrow.g, exact.g), gap(off.g, exact.g)];
    assert.ok(error < 2 * inherent, `${error}, of f32 itself ${inherent}`);
    assert.ok(angle(narrow.g, exact.g) > 0.97, `${angle(narrow.g, exact.g)}`);
    assert.ok(narrow.bytes < 0.65 * exact.bytes, `${narrow.bytes} of ${exact.bytes} bytes`);
  },
});

Deno.test({
  name: "forty steps in f16 reach the loss of f32",
  ...half,
  async fn() {
    const last = async (precision: Precision) => {
      const made = trainee(precision);
      for (let step = 0; step < 40; step++) made.step(step);
      const records = await made.records();
      made.destroy();
      assert.equal(records.reduce((sum, { skipped = 0 }) => sum + skipped, 0), 0);
      const losses = records.map(({ loss }) => loss);
      return [losses[0], losses.slice(-10).reduce((sum, loss) => sum + loss, 0) / 10];
    };
    const [wide, narrow] = [await last("f32"), await last("f16")];
    assert.ok(wide[1] < 0.1 * wide[0] && narrow[1] < 0.1 * narrow[0], `${wide} ${narrow}`);
    assert.ok(Math.abs(narrow[1] - wide[1]) < 0.02 * wide[0], `${wide} ${narrow}`);
  },
});

Deno.test({
  name:
    "an overflow skips the step, whichever micro-batch it was in, until the scale is low enough",
  ...half,
  async fn() {
    const made = trainee("f16", { parts: 2 });
    made.step(1);
    const before = await made.store.read(({ section }) => section === "values");
    const moments = await made.store.read(() => true, "momentum");
    await made.scale(2 ** 24);
    made.step(2);
    assert.deepEqual(await made.store.read(({ section }) => section === "values"), before);
    assert.deepEqual(await made.store.read(() => true, "momentum"), moments);
    assert.equal(await made.scale(), 2 ** 23);
    for (let step = 3; step < 20; step++) made.step(step);
    const records = await made.records();
    const told = records.map((values, run) => updateMetrics(values, run % 2 === 1));
    for (const values of told) {
      assert.deepEqual(Object.entries(values).filter(([, value]) => !Number.isFinite(value)), []);
    }
    const updates = told.filter((_, run) => run % 2 === 1);
    assert.deepEqual(updates.map(({ skipped }) => skipped).slice(0, 2), [0, 1]);
    assert.deepEqual(updates.slice(0, 2).map((values) => "gradient_norm" in values), [true, false]);
    assert.equal(updates.at(-1)!.skipped, 0);
    // The scale is the same throughout a step.
    const skips = updates.reduce((sum, { skipped }) => sum + skipped, 0);
    assert.equal(await made.scale(), 2 ** (24 - skips));
    for (let run = 4; run < told.length; run += 2) {
      assert.equal(told[run].loss_scale, told[run - 1].loss_scale);
    }
    assert.ok(!("skipped" in told[0]) && "loss" in told[0]);
    made.destroy();
  },
});

Deno.test({
  name: "taken up from a snapshot, with an overflow before and after, all goes on to the bit",
  ...half,
  async fn() {
    const made = trainee("f16");
    made.step(1);
    await made.scale(2 ** 24);
    made.step(2);
    const kept = await made.store.snapshot();
    const end = async (from: typeof made) => {
      for (let step = 3; step < 7; step++) from.step(step);
      return await from.store.snapshot();
    };
    const expected = await end(made);
    const other = trainee("f16");
    other.store.restore(kept);
    assert.deepEqual(await end(other), expected);
    made.destroy();
    other.destroy();
  },
});

Deno.test({
  name: "batch norms held still and checkpointing work over f16",
  ...half,
  async fn() {
    const again = trainee("f16", { spec: { checkpointing: true } });
    const kept = trainee("f16");
    for (const made of [again, kept]) for (let step = 0; step < 3; step++) made.step(step);
    assert.deepEqual(await again.store.snapshot(), await kept.store.snapshot());
    assert.ok(again.program.bytes.values < kept.program.bytes.values);
    const still = async (precision: Precision) => {
      const made = trainee(precision, { spec: { batch_norm: "frozen", init: "mod_1" } });
      for (let step = 0; step < 3; step++) made.step(step, 1e-3);
      const losses = (await made.records()).map(({ loss }) => loss);
      made.destroy();
      return losses;
    };
    assert.ok(difference(await still("f16"), await still("f32")) < 5e-3);
    again.destroy();
    kept.destroy();
  },
});

Deno.test("an adapter without shader-f16 is told before anything is built", () => {
  const device = { ...gpu, features: { ...gpu.features, f16: false } };
  const set = { images: 20, classes };
  assert.throws(() => estimateFinetune(device, specOf("f16"), set), (error) => {
    assert.ok(error instanceof InvalidInput);
    assert.equal(error.message, "Cannot train in f16: this adapter has no shader-f16");
    assert.equal(error.problems[0].pointer, "/precision");
    return true;
  });
  const wide = estimateFinetune(device, specOf("f32"), set);
  if (!half.ignore) {
    const narrow = estimateFinetune(gpu, specOf("f16"), set);
    assert.ok(narrow.activations < 0.65 * wide.activations);
  }
});

Deno.test("the precision is part of a job's identity, f32 where none is given", async () => {
  const none = { models: { find: () => undefined }, similarities: { find: () => undefined } };
  const of = async (precision?: Precision) =>
    await fingerprint(none as never, {
      kind: "finetune",
      spec: { ...parseFinetune({ dataset: "x", precision }), dataset_digest: "d" },
    });
  assert.equal(await of(), await of("f32"));
  assert.notEqual(await of("f16"), await of("f32"));
});
