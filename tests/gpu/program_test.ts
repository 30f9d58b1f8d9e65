/** The engine itself: plans, sharing of memory, phases, records, and what it refuses. */
import assert from "node:assert/strict";
import { openGpu } from "@/gpu/device.ts";
import { add } from "@/gpu/ops/add.ts";
import { batchNorm, declareBatchNorm } from "@/gpu/ops/batch_norm.ts";
import { crossEntropy } from "@/gpu/ops/cross_entropy.ts";
import { linear } from "@/gpu/ops/linear.ts";
import { relu } from "@/gpu/ops/relu.ts";
import { adamW } from "@/gpu/optim/adam.ts";
import { ParameterStore } from "@/gpu/parameters.ts";
import { bytesOf, inOrder, plan } from "@/gpu/plan.ts";
import { compile } from "@/gpu/program.ts";
import { Tape } from "@/gpu/tape.ts";
import { rootOf, type Tensor } from "@/gpu/tensor.ts";
import { noise } from "../support/operation.ts";

const gpu = await openGpu();
const initial = { kind: "constant", value: 0 } as const;

/** A small network of several layers, its loss and an optimiser. */
function network(store: ParameterStore, options: { shared?: boolean } = {}) {
  const tape = new Tape(store);
  const x = tape.input("x", [6, 20]);
  let y: Tensor = x;
  const values: Tensor[] = [];
  for (let layer = 0; layer < 4; layer++) {
    const w = tape.parameter(`${layer}.weight`, [20, 20], { layout: "linear", initial });
    const before = y;
    y = batchNorm(tape, linear(tape, y, w), declareBatchNorm(tape, `${layer}.norm`, 20));
    y = add(tape, relu(tape, y), before);
    values.push(y);
  }
  const loss = crossEntropy(tape, y, tape.constant("labels", Uint32Array.of(0, 3, 19, 7, 7, 2)));
  tape.backward(loss);
  adamW(tape, { loss, weightDecay: 0.01 });
  tape.record("loss", loss);
  const everything = [...new Set(inOrder(tape).flatMap(({ step }) => Object.values(step.bind)))]
    .filter((tensor) => rootOf(tensor).place.kind === "value");
  const program = compile(tape, { outputs: options.shared === false ? everything : [loss] });
  const weights = [...store.entries.values()].filter(({ name }) => name.endsWith("weight"));
  store.load(
    new Map(weights.map((entry, i) => {
      const { data } = noise(entry.shape, i);
      return [entry.name, { shape: [...entry.shape], data }];
    })),
  );
  program.set({ "lr": 0.01, "adam.correction1": 10, "adam.correction2": 30 });
  program.write("x", noise([6, 20], 77).data);
  return { tape, program, loss };
}

async function trained(options: { shared?: boolean }) {
  const store = new ParameterStore(gpu);
  const { program } = network(store, options);
  for (let step = 0; step < 5; step++) program.run();
  const losses = (await program.metrics()).map(({ values }) => values.loss);
  const snapshot = await store.snapshot();
  const { bytes } = program;
  program.destroy();
  store.destroy();
  return { losses, snapshot, bytes };
}

Deno.test("program: values share memory, which changes no bit of the result, nor does a second run", async () => {
  const [shared, again, apart] = [
    await trained({}),
    await trained({}),
    await trained({ shared: false }),
  ];
  assert.deepEqual(again, shared);
  assert.deepEqual(apart.losses, shared.losses);
  assert.deepEqual(apart.snapshot, shared.snapshot);
  assert.ok(shared.bytes.values < 0.8 * apart.bytes.values);
  assert.ok(shared.losses[4] < shared.losses[0]);
});

Deno.test("plan: known before anything is allocated, equal to what is; lives never overlap", () => {
  const store = new ParameterStore(gpu);
  const { tape, program, loss } = network(store);
  const planned = plan(tape, { outputs: [loss] });
  assert.deepEqual(planned.bytes, program.plan.bytes);
  assert.equal(program.bytes.values, planned.bytes.values);
  assert.equal(program.bytes.dedicated, planned.bytes.dedicated);
  const { values, dedicated, uniforms, total } = program.bytes;
  assert.equal(total, values + dedicated + uniforms);
  const uses = new Map<number, number[]>();
  inOrder(tape).forEach(({ step }, at) => {
    for (const tensor of Object.values(step.bind)) {
      const { id } = rootOf(tensor);
      uses.set(id, [...uses.get(id) ?? [], at]);
    }
  });
  let turns = 0;
  for (const { bytes, values } of planned.buffers) {
    const lives = values.map((value) => {
      assert.ok(bytesOf(value) <= bytes);
      const at = uses.get(value.id)!;
      return [at[0], value === rootOf(loss) ? Infinity : at.at(-1)!];
    }).sort((a, b) => a[0] - b[0]);
    for (let i = 1; i < lives.length; i++, turns++) assert.ok(lives[i - 1][1] < lives[i][0]);
  }
  assert.ok(turns > 10);
  program.destroy();
  store.destroy();
});

Deno.test("program: records of many runs are read at once, the oldest give way", async () => {
  const store = new ParameterStore(gpu);
  const tape = new Tape(store);
  const x = tape.input("x", [3]);
  tape.record("first", x);
  tape.record("last", x, 2);
  const program = compile(tape);
  const at = (step: number) => {
    program.write("x", Float32Array.of(step, 0, -step));
    program.run();
  };
  for (let step = 0; step < 3; step++) at(step);
  const records = await program.metrics();
  assert.deepEqual(
    records,
    [0, 1, 2].map((run) => ({ run, values: { first: run, last: run === 0 ? -0 : -run } })),
  );
  assert.deepEqual(await program.metrics(), []);
  for (let step = 3; step < 303; step++) at(step);
  const later = await program.metrics();
  assert.equal(later.length, 256);
  assert.deepEqual(
    later.map(({ run, values }) => [run, values.last]),
    later.map((_, i) => [47 + i, -47 - i]),
  );
  program.destroy();
  store.destroy();
});

Deno.test("program: launches in front fill an input, views and constants are read where they lie", async () => {
  const store = new ParameterStore(gpu);
  const tape = new Tape(store);
  const x = tape.input("x", [2, 3]);
  const w = tape.constant("w", Float32Array.of(1, 2, 3, 4, 5, 6), "f32");
  const y = add(tape, tape.reshape(x, [6]), w);
  const z = tape.reshape(y, [3, 2]);
  const program = compile(tape, { outputs: [z] });
  const source = new Tape(store);
  const filled = add(source, source.input("a", [6]), source.input("b", [6]));
  const other = compile(source, { outputs: [filled] });
  other.write("a", Float32Array.of(10, 20, 30, 40, 50, 60));
  other.write("b", new Float32Array(6));
  program.run({ before: other.launches.step });
  assert.deepEqual([...(await program.read(z))[0]], [1, 2, 3, 4, 5, 6]);
  program.write("x", Float32Array.of(1, 1, 1, 1, 1, 1));
  program.run();
  assert.deepEqual([...(await program.read(z))[0]], [2, 3, 4, 5, 6, 7]);
  assert.deepEqual([...(await other.read(filled))[0]], [10, 20, 30, 40, 50, 60]);
  for (const made of [program, other]) made.destroy();
  store.destroy();
});

Deno.test("program: what cannot be is refused by name", async () => {
  const store = new ParameterStore(gpu);
  const tape = new Tape(store);
  const x = tape.input("x", [4]);
  const y = relu(tape, x);
  const z = relu(tape, y);
  tape.scalar("lr");
  assert.throws(() => tape.input("x", [4]), /Cannot add input "x" twice/);
  assert.throws(() => tape.reshape(x, [5]), /Cannot reshape "x" from \[4\] to \[5\]/);
  assert.throws(() => add(tape, x, tape.input("b", [5])), /Cannot append add: "b" of shape \[4\]/);
  const program = compile(tape, { outputs: [z] });
  assert.throws(() => program.run(), /Cannot run: \[lr\] was never set/);
  assert.throws(() => program.set({ rate: 1 }), /Cannot set "rate"/);
  assert.throws(() => program.write("x", new Float32Array(3)), /Cannot write "x": \[4\] expected/);
  assert.throws(() => program.write("y", new Float32Array(4)), /Cannot find input "y"/);
  await assert.rejects(program.read(y), /Cannot read "value": it is not among the outputs/);
  const late = new Tape(store);
  late.launch(tape.steps[1].step);
  assert.throws(() => compile(late), /Cannot plan relu: "value" is read before it is written/);
  program.destroy();
  store.destroy();
});
