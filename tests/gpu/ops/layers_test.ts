/** Every layer but convolution and linear: PyTorch's values, central differences at awkward sizes. */
import assert from "node:assert/strict";
import { openGpu } from "@/gpu/device.ts";
import { add } from "@/gpu/ops/add.ts";
import { averagePool } from "@/gpu/ops/average_pool.ts";
import { type BatchNorm, batchNorm, type BatchNormOptions } from "@/gpu/ops/batch_norm.ts";
import { l2Normalize } from "@/gpu/ops/l2_normalize.ts";
import { maxPool } from "@/gpu/ops/max_pool.ts";
import { relu } from "@/gpu/ops/relu.ts";
import { ParameterStore } from "@/gpu/parameters.ts";
import { compile } from "@/gpu/program.ts";
import { Tape } from "@/gpu/tape.ts";
import type { Shape, Tensor } from "@/gpu/tensor.ts";
import { checkGradients, difference, noise, runOp, type Values } from "../../support/operation.ts";
import { type Golden, readGoldens } from "../../support/safetensors.ts";
import { sharedTest } from "../../support/shared.ts";

const gpu = await openGpu();
const files = ["goldens/layers.safetensors"];

/** [N, C, H, W] -> [N, H, W, C]. */
function channelsLast({ shape, data }: Golden): Values {
  if (shape.length === 2) return { shape, data };
  const [N, C, H, W] = shape;
  const out = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const [n, c, hw] = [Math.floor(i / (C * H * W)), Math.floor(i / (H * W)) % C, i % (H * W)];
    out[(n * H * W + hw) * C + c] = data[i];
  }
  return { shape: [N, H, W, C], data: out };
}

/** The norm of an op test: its parameters are operands, its running statistics start at 0 and 1. */
function normOf(tape: Tape, C: number, affine: Partial<Record<string, Tensor>>): BatchNorm {
  const filled = (value: number) => ({ initial: { kind: "constant", value } as const });
  return {
    weight: affine.weight,
    bias: affine.bias,
    running_mean: tape.statistic("running_mean", [C], filled(0)),
    running_var: tape.statistic("running_var", [C], filled(1)),
  };
}

function normOp(options: BatchNormOptions & { residual?: never } = {}) {
  return (tape: Tape, { x, weight, bias, r }: Record<string, Tensor>) =>
    batchNorm(tape, x, normOf(tape, x.shape.at(-1)!, { weight, bias }), {
      ...options,
      residual: r,
    });
}

sharedTest(
  "batch norm: PyTorch's values, gradients and running statistics",
  files,
  async (file) => {
    const goldens = readGoldens(file);
    for (const name of ["bn2d", "bn1d"]) {
      const part = (suffix: string) => channelsLast(goldens[`${name}.${suffix}`]);
      const [x, dy] = [part("x"), part("dy")];
      const C = x.shape.at(-1)!;
      const ones = { shape: [C], data: new Float32Array(C).fill(1) };
      const zeros = { shape: [C], data: new Float32Array(C) };
      const weight = goldens[`${name}.weight`] ?? ones;
      const bias = goldens[`${name}.bias`] ?? zeros;
      const { y, gradients } = await runOp(gpu, { x, weight, bias }, normOp(), dy.data);
      assert.ok(difference(y, part("y").data) < 2e-6, `${name} y`);
      assert.ok(difference(gradients.x, part("dx").data) < 5e-6, `${name} dx`);
      assert.ok(
        difference(gradients.weight, goldens[`${name}.dweight`].data) < 2e-6,
        `${name} dweight`,
      );
      assert.ok(difference(gradients.bias, goldens[`${name}.dbias`].data) < 2e-6, `${name} dbias`);
    }
  },
);

sharedTest(
  "batch norm: a training program and an evaluation program share a store",
  files,
  async (file) => {
    const goldens = readGoldens(file);
    const x = channelsLast(goldens["bn2d.x"]);
    const store = new ParameterStore(gpu);
    const build = (training: boolean) => {
      const tape = new Tape(store, { training });
      const input = tape.input("x", x.shape);
      const plain = (name: string, value: number) =>
        tape.parameter(name, [10], { initial: { kind: "constant", value } });
      const norm = normOf(tape, 10, { weight: plain("weight", 1), bias: plain("bias", 0) });
      const y = batchNorm(tape, input, norm);
      return { y, program: compile(tape, { outputs: [y] }) };
    };
    const [train, evaluate] = [build(true), build(false)];
    const flat = (data: number[]) => ({ shape: [10], data: Float32Array.from(data) });
    store.load(
      new Map([
        ["weight", goldens["bn2d.weight"]],
        ["bias", goldens["bn2d.bias"]],
        ["running_mean", flat(Array(10).fill(0))],
        ["running_var", flat(Array(10).fill(1))],
      ]),
    );
    for (const { program } of [train, evaluate]) {
      program.write("x", x.data);
      program.run();
    }
    const weights = await store.read();
    assert.ok(
      difference(weights.get("running_mean")!.data, goldens["bn2d.running_mean"].data) < 1e-6,
    );
    assert.ok(
      difference(weights.get("running_var")!.data, goldens["bn2d.running_var"].data) < 1e-6,
    );
    const [y] = await evaluate.program.read(evaluate.y);
    assert.ok(difference(y, channelsLast(goldens["bn2d.y_eval"]).data) < 2e-6);
    for (const { program } of [train, evaluate]) program.destroy();
    store.destroy();
  },
);

Deno.test("batch norm: gradients are central differences, with ReLU, residual, groups and constants", async () => {
  const cases: [Shape, BatchNormOptions & { residual?: never }, string[]][] = [
    [[5, 1], {}, ["weight", "bias"]],
    [[7, 3, 5, 13], { relu: true }, ["weight", "bias"]],
    [[6, 33], { groups: 3 }, []],
    [[4, 5, 3, 36], { relu: true, groups: 2 }, ["weight", "bias", "r"]],
    [[3, 4, 4, 5], { training: false, relu: true }, ["weight", "bias", "r"]],
    [[2, 11, 7, 70], {}, ["r"]],
  ];
  for (const [shape, options, names] of cases) {
    const C = shape.at(-1)!;
    const operands: Record<string, Values> = { x: noise(shape, 1) };
    for (const name of names) {
      operands[name] = name === "r" ? noise(shape, 2) : noise([C], name.length);
    }
    // Bent at 0, a ReLU asks for small steps, and these for a wide tolerance.
    const step = options.relu ? 1 / 4096 : 1 / 256;
    await checkGradients(gpu, operands, normOp(options), {
      step,
      count: 4,
      tolerance: options.relu ? 2e-2 : 4e-3,
    });
  }
});

Deno.test("batch norm: groups are batches of their own, and a large offset costs no precision", async () => {
  const x = noise([6, 5, 5, 12], 7);
  for (let i = 0; i < x.data.length; i++) x.data[i] += 1000;
  const half = x.data.length / 2;
  const part = (from: number) => ({ shape: [3, 5, 5, 12], data: x.data.slice(from, from + half) });
  const both = await runOp(gpu, { x }, normOp({ groups: 2 }));
  const first = await runOp(gpu, { x: part(0) }, normOp());
  const second = await runOp(gpu, { x: part(half) }, normOp());
  assert.deepEqual(both.y, Float32Array.from([...first.y, ...second.y]));
  const mean = (from: number) => {
    const values = Array.from({ length: 75 }, (_, l) => x.data[from + l * 12]);
    const m = values.reduce((sum, v) => sum + v, 0) / 75;
    const variance = values.reduce((sum, v) => sum + (v - m) ** 2, 0) / 75;
    return values.map((v) => (v - m) / Math.sqrt(variance + 1e-5));
  };
  const expected = mean(0);
  const actual = expected.map((_, l) => first.y[l * 12]);
  assert.ok(difference(actual, expected) < 1e-4);
});

sharedTest(
  "max pool, average pool, L2 norm: PyTorch's values and gradients",
  files,
  async (file) => {
    const goldens = readGoldens(file);
    const pool = { size: 3, stride: 2, padding: 1 };
    const cases: [string, (tape: Tape, t: Record<string, Tensor>) => Tensor][] = [
      ["maxpool3x3s2", (tape, { x }) => maxPool(tape, x, pool)],
      ["avgpool", (tape, { x }) => averagePool(tape, x)],
      ["l2norm", (tape, { x }) => l2Normalize(tape, x)],
    ];
    for (const [name, build] of cases) {
      const part = (suffix: string) => channelsLast(goldens[`${name}.${suffix}`]);
      const { y, gradients } = await runOp(gpu, { x: part("x") }, build, part("dy").data);
      assert.ok(difference(y, part("y").data) < 1e-6, `${name} y`);
      assert.ok(difference(gradients.x, part("dx").data) < 1e-6, `${name} dx`);
    }
  },
);

Deno.test("relu, add, pools, L2 norm: gradients are central differences, at awkward sizes", async () => {
  const fine = { step: 1 / 512, count: 4, tolerance: 5e-3 };
  for (const shape of [[1, 1], [7, 31], [3, 5, 7, 11]] as Shape[]) {
    const operands = { a: noise(shape, 1), b: noise(shape, 2) };
    await checkGradients(gpu, operands, (tape, { a, b }) => add(tape, relu(tape, a), b), fine);
    await checkGradients(
      gpu,
      operands,
      (tape, { a, b }) => relu(tape, add(tape, add(tape, a, b), a)),
      fine,
    );
  }
  for (
    const [shape, size, stride, padding] of [
      [[1, 1, 1, 1], 3, 2, 1],
      [[2, 7, 5, 3], 2, 2, 0],
      [[1, 11, 13, 5], 3, 2, 1],
      [[3, 6, 6, 2], 3, 1, 1],
    ] as [Shape, number, number, number][]
  ) {
    await checkGradients(
      gpu,
      { x: noise(shape, 3) },
      (tape, { x }) => maxPool(tape, x, { size, stride, padding }),
      fine,
    );
    await checkGradients(gpu, { x: noise(shape, 4) }, (tape, { x }) => averagePool(tape, x), fine);
  }
  for (const shape of [[1, 2], [5, 67], [13, 200]] as Shape[]) {
    await checkGradients(gpu, { x: noise(shape, 5) }, (tape, { x }) => l2Normalize(tape, x), fine);
  }
});
