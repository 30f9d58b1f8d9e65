/** Ops over tensors in f16: the values of f32 up to the rounding of what is stored. */
import assert from "node:assert/strict";
import { candidates, keyOf } from "@/gpu/convolution/selection.ts";
import type { Pass } from "@/gpu/convolution/variant.ts";
import { openGpu } from "@/gpu/device.ts";
import { averagePool } from "@/gpu/ops/average_pool.ts";
import { batchNorm, type BatchNormOptions } from "@/gpu/ops/batch_norm.ts";
import { conv2d, convolutionShape } from "@/gpu/ops/conv2d.ts";
import { maxPool } from "@/gpu/ops/max_pool.ts";
import { relu } from "@/gpu/ops/relu.ts";
import { ParameterStore } from "@/gpu/parameters.ts";
import { plan } from "@/gpu/plan.ts";
import { compile } from "@/gpu/program.ts";
import { codeFor, storedBytes } from "@/gpu/element_type.ts";
import { Tape } from "@/gpu/tape.ts";
import { elementCount, type Precision, type Tensor } from "@/gpu/tensor.ts";
import subgroupCode from "@/kernels/conv2d_subgroup.wgsl" with { type: "text" };
import { rounded, storedAs } from "../support/half.ts";
import { difference, noise, runOp, type Values } from "../support/operation.ts";

const gpu = await openGpu();
const half = { ignore: !gpu.features.f16 };
if (half.ignore) console.log("Skips the tests of f16: this adapter has no shader-f16");
/** A number's distance to the nearest of f16, relative to it: 2^-11; twice that for sums of two. */
const NEAR = 1e-3;

type Build = (tape: Tape, tensors: Record<string, Tensor>) => Tensor;

/** The largest differences of an op's value and gradients in f16 from those in f32. */
async function differences(
  operands: Record<string, Values>,
  halves: string[],
  build: Build,
): Promise<Record<string, number>> {
  const exact = Object.fromEntries(
    Object.entries(operands).map(([name, values]) => [
      name,
      halves.includes(name) ? rounded(values) : values,
    ]),
  );
  const stored = (precision: Precision): Build => (tape, tensors) => {
    const inputs = halves.map((name) => [name, storedAs(tape, tensors[name], precision)]);
    return build(tape, { ...tensors, ...Object.fromEntries(inputs) });
  };
  const first = await runOp(gpu, exact, stored("f32"));
  const dy = rounded(noise([first.y.length], 99)).data;
  const [wide, narrow] = [
    await runOp(gpu, exact, stored("f32"), dy),
    await runOp(gpu, exact, stored("f16"), dy, { precision: "f16" }),
  ];
  return {
    y: difference(narrow.y, wide.y),
    ...Object.fromEntries(
      Object.keys(operands).map((name) => [
        name,
        difference(narrow.gradients[name], wide.gradients[name]),
      ]),
    ),
  };
}

function near(found: Record<string, number>, what: string) {
  for (const [name, gap] of Object.entries(found)) {
    assert.ok(gap < NEAR, `${what}: ${name} is off by ${gap}`);
  }
}

const convolutions = [
  { x: [2, 9, 11, 8], w: [3, 3, 8, 20], stride: 1, padding: 1 },
  { x: [2, 13, 17, 4], w: [7, 7, 4, 16], stride: 2, padding: 3 },
  { x: [1, 7, 10, 5], w: [5, 2, 5, 3], stride: 3, padding: 2 },
  { x: [17, 4, 3, 64], w: [1, 1, 64, 132], stride: 1, padding: 0 },
];

for (const { x: X, w: W, ...options } of convolutions) {
  Deno.test({
    name: `conv2d [${X}] * [${W}] / ${options.stride} in f16, by every kernel that takes it`,
    ...half,
    async fn() {
      const operands = { x: noise(X, 1), w: noise(W, 2) };
      const of = (data: Values) => data as unknown as Tensor;
      const shape = convolutionShape(of(operands.x), of(operands.w), options);
      const passes: Pass[] = ["forward", "backward_data", "backward_weight"];
      const names = passes.map((pass) => candidates(gpu, pass, shape, "f16"));
      assert.ok(names.every((list) => list.length >= 3 && !list.includes("direct")));
      for (let i = 0; i < Math.max(...names.map(({ length }) => length)); i++) {
        const chosen = names.map((list) => list[i % list.length]);
        const found = await differences(operands, ["x"], (tape, { x, w }) => {
          passes.forEach((pass, j) => tape.selected[keyOf(pass, shape, "f16")] = chosen[j]);
          return conv2d(tape, x, w, options);
        });
        near(found, chosen.join(", "));
      }
    },
  });
}

Deno.test({
  name: "conv2d writes f16 from f32: the first of a network",
  ...half,
  async fn() {
    const operands = { x: noise([2, 8, 8, 4], 1), w: noise([7, 7, 4, 8], 2) };
    const build: Build = (tape, { x, w }) => {
      const y = conv2d(tape, tape.stopGradient(x), w, { stride: 2, padding: 3 });
      assert.deepEqual([x.type, y.type], ["f32", tape.precision]);
      return y;
    };
    const { x: _, ...found } = await differences(operands, [], build);
    near(found, "conv2d");
  },
});

Deno.test({
  name: "batch norm in f16: plain, with ReLU, with a residual, in groups, over still statistics",
  ...half,
  async fn() {
    const [N, C] = [6, 20];
    const map = [N, 5, 3, C];
    const filled = (value: number) => ({ initial: { kind: "constant", value } as const });
    const apply = (options: BatchNormOptions): Build => (tape, { x, r, weight, bias }) => {
      const running_mean = tape.statistic("running_mean", [C], filled(0.1));
      const running_var = tape.statistic("running_var", [C], filled(2));
      const norm = { weight, bias, running_mean, running_var };
      return batchNorm(tape, x, norm, { ...options, residual: r });
    };
    const operands = { x: noise(map, 1), weight: noise([C], 2), bias: noise([C], 3) };
    for (const options of [{}, { relu: true }, { relu: true, groups: 3 }, { training: false }]) {
      const found = await differences(operands, ["x"], apply(options));
      near(found, `batch norm ${JSON.stringify(options)}`);
    }
    const more = { ...operands, r: noise(map, 4) };
    near(await differences(more, ["x", "r"], apply({ relu: true })), "batch norm with a residual");
  },
});

Deno.test({
  name: "max pool and average pool in f16; the average is f32",
  ...half,
  async fn() {
    const operands = { x: noise([2, 7, 9, 20], 1) };
    const max: Build = (tape, { x }) => maxPool(tape, x, { size: 3, stride: 2, padding: 1 });
    const average: Build = (tape, { x }) => {
      const y = averagePool(tape, x);
      assert.equal(y.type, "f32");
      return y;
    };
    near(await differences(operands, ["x"], max), "max pool");
    near(await differences(operands, ["x"], average), "average pool");
  },
});

Deno.test({
  name: "a map in f16 that two ops use gets the sum of their gradients",
  ...half,
  async fn() {
    const operands = {
      x: noise([2, 6, 6, 8], 1),
      a: noise([1, 1, 8, 8], 2),
      b: noise([3, 3, 8, 8], 3),
    };
    // 6x6 pixels of the one and of the other, side by side in the norm's residual.
    const build: Build = (tape, { x, a, b }) => {
      const C = 8;
      const filled = (value: number) => ({ initial: { kind: "constant", value } as const });
      const norm = {
        running_mean: tape.statistic("running_mean", [C], filled(0)),
        running_var: tape.statistic("running_var", [C], filled(1)),
      };
      const residual = conv2d(tape, x, b, { padding: 1 });
      return batchNorm(tape, conv2d(tape, x, a), norm, { residual, training: false });
    };
    near(await differences(operands, ["x"], build), "two convolutions");
    const twice: Build = (tape, { x, a }) => {
      const y = maxPool(tape, x, { size: 1, stride: 1, padding: 0 });
      const z = conv2d(tape, x, a);
      const statistics = ["running_mean", "running_var"].map((name) =>
        tape.statistic(name, [8], { initial: { kind: "constant", value: 1 } })
      );
      const [running_mean, running_var] = statistics;
      return batchNorm(tape, z, { running_mean, running_var }, { residual: y, training: false });
    };
    const { b: _, ...two } = operands;
    near(await differences(two, ["x"], twice), "a pool and a convolution");
  },
});

Deno.test({
  name: "what f16 cannot hold becomes infinite, and is not taken for a large number",
  ...half,
  async fn() {
    const store = new ParameterStore(gpu);
    const tape = new Tape(store, { precision: "f16" });
    const x = tape.input("x", [1, 1, 2, 4]);
    const w = tape.parameter("w", [1, 1, 4, 4], { initial: { kind: "constant", value: 0 } });
    const y = conv2d(tape, x, w);
    const program = compile(tape, { outputs: [y] });
    store.load(new Map([["w", { shape: [1, 1, 4, 4], data: new Float32Array(16).fill(100) }]]));
    program.write("x", Float32Array.of(160, 160, 160, 160, 200, 200, 200, 200));
    program.run();
    assert.deepEqual([...(await program.read(y))[0]], [
      ...Array(4).fill(64000),
      ...Array(4).fill(Infinity),
    ]);
    program.destroy();
    store.destroy();
  },
});

Deno.test({
  name: "a tensor in f16 takes half the bytes, and only what is stored so is bound so",
  ...half,
  fn() {
    const tape = new Tape(new ParameterStore(gpu), { precision: "f16" });
    const x = tape.input("x", [2, 16, 16, 4]);
    const w = tape.parameter("w", [3, 3, 4, 8], { initial: { kind: "constant", value: 0 } });
    const y = conv2d(tape, x, w, { padding: 1 });
    assert.equal(storedBytes(y), 2 * elementCount(y.shape));
    // Beside the map the least buffer, for statistics that nobody asked for.
    assert.equal(plan(tape, { outputs: [] }).bytes.values, 2 * elementCount(y.shape) + 256);
    assert.throws(() => relu(tape, y), /Cannot launch relu: "x" is f16, the kernel takes f32/);
    const f32 = { type: "f32" } as const;
    const all = { x: f32, w: f32, b: f32, residual: f32, y: f32 };
    assert.equal(codeFor(subgroupCode, all), subgroupCode);
    const text = codeFor(subgroupCode, { ...all, y: { type: "f16" } });
    assert.match(text, /^enable f16;\n[^]*alias X = f32;[^]*alias Y = f16;/);
  },
});

Deno.test("a tape in f16 says when the adapter cannot", () => {
  const without = { ...gpu, features: { ...gpu.features, f16: false } };
  assert.throws(
    () => new Tape(new ParameterStore(without), { precision: "f16" }),
    /Cannot store feature maps in f16: this adapter has no shader-f16/,
  );
});
