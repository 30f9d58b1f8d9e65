/** Optimisers after five steps on given gradients, against PyTorch's; what they share. */
import assert from "node:assert/strict";
import { openGpu } from "@/gpu/device.ts";
import { adam, adamW } from "@/gpu/optim/adam.ts";
import { lars } from "@/gpu/optim/lars.ts";
import { movingAverage } from "@/gpu/optim/moving_average.ts";
import type { Optimizer, OptimizerOptions } from "@/gpu/optim/optimizer.ts";
import { sgd } from "@/gpu/optim/sgd.ts";
import { ParameterStore } from "@/gpu/parameters.ts";
import { compile } from "@/gpu/program.ts";
import { Tape } from "@/gpu/tape.ts";
import { difference, noise, type Values } from "../../support/operation.ts";
import weightedSumCode from "../../support/weighted_sum.wgsl" with { type: "text" };
import { readGoldens } from "../../support/safetensors.ts";
import { sharedTest } from "../../support/shared.ts";

const gpu = await openGpu();
type Make = (tape: Tape, options: OptimizerOptions) => Optimizer;

/** A tape whose gradients are its inputs `d <name>`, with an optimiser on top. */
function build(start: Record<string, Values>, make: Make, options: Partial<OptimizerOptions> = {}) {
  const store = new ParameterStore(gpu);
  const tape = new Tape(store);
  let loss = tape.value([1]);
  for (const [name, { shape, data }] of Object.entries(start)) {
    const layout = shape.length === 2 ? "linear" : "plain";
    const kept = layout === "linear" ? [...shape].reverse() : shape;
    const initial = { kind: "constant", value: 0 } as const;
    const w = tape.parameter(name, kept, { layout, initial });
    const factors = tape.input(`d ${name}`, [data.length]);
    const y = tape.value([1], [w]);
    const dy = tape.value([data.length]);
    const bind = { y: w, factors, loss: y, dy };
    tape.launch({ code: weightedSumCode, bind, params: { n: data.length }, grid: [1] });
    tape.onBackward(y, () => tape.giveGradient(w, tape.reshape(dy, kept)));
    tape.backward(y);
    loss = y;
  }
  const optimizer = make(tape, { loss, ...options });
  const program = compile(tape, { outputs: [optimizer.control] });
  store.load(
    new Map(
      Object.entries(start).map(([name, { shape, data }]) => [name, { shape: [...shape], data }]),
    ),
  );
  return { store, tape, program, optimizer };
}

/** [out, in] -> [in, out]. */
function transposed({ shape: [K, C], data }: Values): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: C * K }, (_, i) => data[(i % K) * C + Math.floor(i / K)]);
}

sharedTest("sgd, adam, adamw, lars: PyTorch's weights after five steps", [
  "goldens/optimizers.safetensors",
], async (file) => {
  const goldens = readGoldens(file);
  const makes: Record<string, { make: Make; lr: number }> = {
    sgd: { make: (t, o) => sgd(t, { ...o, momentum: 0.9, weightDecay: 1e-4 }), lr: 0.05 },
    adam: { make: (t, o) => adam(t, { ...o, betas: [0.9, 0.999], weightDecay: 1e-5 }), lr: 1e-3 },
    adamw: { make: (t, o) => adamW(t, { ...o, betas: [0.9, 0.95], weightDecay: 0.01 }), lr: 2e-3 },
    lars: {
      make: (t, o) => lars(t, { ...o, momentum: 0.9, weightDecay: 0.01, eta: 1e-3 }),
      lr: 0.2,
    },
  };
  for (const [name, { make, lr }] of Object.entries(makes)) {
    const { store, program, optimizer } = build({ w: goldens.w0, b: goldens.b0 }, make);
    for (let step = 0; step < 5; step++) {
      program.write("d w", transposed(goldens[`gw${step}`]));
      program.write("d b", goldens[`gb${step}`].data);
      program.set({ lr, ...optimizer.scalars(step + 1) });
      program.run();
    }
    const weights = await store.read();
    for (const part of ["w", "b"]) {
      const gap = difference(weights.get(part)!.data, goldens[`${name}.${part}`].data);
      assert.ok(gap < 2e-6, `${name}.${part} is off by ${gap}`);
    }
    program.destroy();
    store.destroy();
  }
});

Deno.test("optimiser: groups have rates of their own, decay is masked, gradients are clipped and averaged", async () => {
  const start = { "a.w": noise([9, 70], 1), "b.w": noise([5], 2) };
  const { store, program, optimizer } = build(
    start,
    (tape, options) => sgd(tape, { ...options, momentum: 0, weightDecay: 0.5 }),
    {
      groups: { b: (name) => name.startsWith("b.") },
      decays: ({ name }) => name === "a.w",
      clip: 2,
    },
  );
  const gradient = { a: noise([9, 70], 3).data, b: noise([5], 4).data };
  program.write("d a.w", gradient.a);
  program.write("d b.w", gradient.b);
  program.set({ "lr": 0.1, "lr.b": 10, "gradient.scale": 0.5 });
  program.run();
  const [control] = await program.read(optimizer.control);
  const all = [...gradient.a, ...gradient.b];
  const norm = 0.5 * Math.sqrt(all.reduce((sum, v) => sum + v * v, 0));
  assert.ok(Math.abs(control[2] / norm - 1) < 1e-6);
  const factor = 0.5 * Math.min(1, 2 / norm);
  const weights = await store.read();
  const flat = { shape: [9, 70], data: gradient.a };
  const perTorch = Float32Array.from(
    { length: 630 },
    (_, i) => flat.data[(i % 70) * 9 + Math.floor(i / 70)],
  );
  assert.ok(
    difference(
      weights.get("a.w")!.data,
      start["a.w"].data.map((v, i) => v - 0.1 * (factor * perTorch[i] + 0.5 * v)),
    ) < 1e-6,
  );
  assert.ok(
    difference(
      weights.get("b.w")!.data,
      start["b.w"].data.map((v, i) => v - 10 * factor * gradient.b[i]),
    ) < 1e-6,
  );
  program.destroy();
  store.destroy();
});

Deno.test("optimiser: micro-batches add up to one update", async () => {
  const start = { w: noise([33], 1) };
  const make: Make = (tape, options) => sgd(tape, { ...options, momentum: 0.9 });
  const { store, program } = build(start, make);
  const parts = [2, 3, 4].map((seed) => noise([33], seed).data);
  program.set({ "lr": 1, "gradient.scale": 1 / 3 });
  parts.forEach((data, i) => {
    program.write("d w", data);
    program.run({ clear: i === 0, update: i === 2 });
  });
  const mean = start.w.data.map((v, i) => v - (parts[0][i] + parts[1][i] + parts[2][i]) / 3);
  assert.ok(difference((await store.read()).get("w")!.data, mean) < 1e-6);
  program.destroy();
  store.destroy();
});

Deno.test("optimiser: a gradient that is not finite changes nothing and is told", async () => {
  for (
    const [bad, make] of [
      [NaN, (t, o) => sgd(t, o)],
      [Infinity, (t, o) => adam(t, o)],
      [-Infinity, (t, o) => lars(t, o)],
    ] as [number, Make][]
  ) {
    const start = { w: noise([700], 1), b: noise([3], 2) };
    const { store, program, optimizer } = build(start, make);
    const gradient = noise([700], 3).data;
    program.write("d b", noise([3], 4).data);
    program.set({ lr: 0.1, ...optimizer.scalars(1) });
    program.write("d w", gradient.with(611, bad));
    program.run();
    assert.equal((await program.read(optimizer.control))[0][1], 0);
    assert.deepEqual((await store.read()).get("w")!.data, start.w.data);
    program.write("d w", gradient);
    program.run();
    assert.equal((await program.read(optimizer.control))[0][1], 1);
    const after = (await store.read()).get("w")!.data;
    assert.ok(after.every((v, i) => Number.isFinite(v) && v !== start.w.data[i]));
    program.destroy();
    store.destroy();
  }
});

Deno.test("moving average: the target follows its own parameters only", async () => {
  const store = new ParameterStore(gpu);
  const tape = new Tape(store);
  const initial = { kind: "constant", value: 0 } as const;
  const names = ["head", "a", "target.b", "b", "target.a"];
  for (const name of names) tape.parameter(name, [name === "head" ? 1000 : 67], { initial });
  movingAverage(tape);
  const program = compile(tape);
  const values = new Map(names.map((name, i) => {
    const { shape, data } = noise([name === "head" ? 1000 : 67], i);
    return [name, { shape: [...shape], data }];
  }));
  store.load(values);
  program.set({ "ema.momentum": 0.75 });
  program.run();
  const after = await store.read();
  for (const name of ["head", "a", "b"]) assert.deepEqual(after.get(name), values.get(name));
  for (const name of ["a", "b"]) {
    const online = values.get(name)!.data;
    const expected = values.get(`target.${name}`)!.data.map((v, i) => 0.75 * v + 0.25 * online[i]);
    assert.ok(difference(after.get(`target.${name}`)!.data, expected) < 1e-6);
  }
  program.destroy();
  store.destroy();
});
