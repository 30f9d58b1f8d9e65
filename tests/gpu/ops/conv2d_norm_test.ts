/** The statistics that a convolution's kernel sums up while it stores, for the batch norm after it. */
import assert from "node:assert/strict";
import { createBuffer, readFloats } from "@/gpu/buffer.ts";
import { candidates, keyOf, variants } from "@/gpu/convolution/selection.ts";
import { type ConvolutionShape, nameOf, outputSize } from "@/gpu/convolution/shape.ts";
import { openGpu } from "@/gpu/device.ts";
import { kernel, launch, release, submit } from "@/gpu/kernel.ts";
import { batchNorm, declareBatchNorm } from "@/gpu/ops/batch_norm.ts";
import { conv2dNorm } from "@/gpu/ops/conv2d_norm.ts";
import { ParameterStore } from "@/gpu/parameters.ts";
import { compile } from "@/gpu/program.ts";
import { Tape } from "@/gpu/tape.ts";
import type { Tensor } from "@/gpu/tensor.ts";
import { checkGradients, difference, noise } from "../../support/operation.ts";

const gpu = await openGpu();

const cases: { shape: ConvolutionShape; groups: number }[] = [
  { shape: { N: 1, H: 1, W: 1, C: 4, K: 4, R: 1, S: 1, stride: 1, padding: 0 }, groups: 1 },
  { shape: { N: 3, H: 9, W: 7, C: 8, K: 20, R: 3, S: 3, stride: 1, padding: 1 }, groups: 1 },
  { shape: { N: 5, H: 13, W: 11, C: 4, K: 37, R: 7, S: 7, stride: 2, padding: 3 }, groups: 1 },
  { shape: { N: 64, H: 3, W: 5, C: 8, K: 12, R: 3, S: 3, stride: 1, padding: 1 }, groups: 2 },
  { shape: { N: 64, H: 2, W: 2, C: 16, K: 8, R: 3, S: 3, stride: 1, padding: 1 }, groups: 2 },
  { shape: { N: 6, H: 8, W: 12, C: 8, K: 70, R: 1, S: 1, stride: 1, padding: 0 }, groups: 3 },
  { shape: { N: 4, H: 16, W: 16, C: 4, K: 16, R: 3, S: 3, stride: 2, padding: 1 }, groups: 4 },
];

/** Pairs of equal count merged: mean and variance of each group and channel, in f64. */
function merged(
  partial: Float32Array,
  L: number,
  { G, K, rows }: Record<"G" | "K" | "rows", number>,
) {
  const J = Math.ceil(L / rows);
  const mean = new Float64Array(G * K);
  const variance = new Float64Array(G * K);
  for (let g = 0; g < G; g++) {
    for (let k = 0; k < K; k++) {
      const pairs = Array.from({ length: J }, (_, j) => {
        const at = ((g * J + j) * K + k) * 2;
        return { n: Math.min(rows, L - j * rows), mean: partial[at], squares: partial[at + 1] };
      });
      const centre = pairs.reduce((sum, { n, mean }) => sum + n * mean, 0) / L;
      mean[g * K + k] = centre;
      variance[g * K + k] = pairs.reduce(
        (sum, { n, mean, squares }) => sum + squares + n * (mean - centre) ** 2,
        0,
      ) / L;
    }
  }
  return { mean, variance };
}

/** From the values themselves, in f64. */
function moments(y: Float32Array, L: number, { G, K }: Record<"G" | "K", number>) {
  const mean = new Float64Array(G * K);
  const variance = new Float64Array(G * K);
  y.forEach((value, i) => mean[Math.floor(i / L / K) * K + i % K] += value / L);
  y.forEach((value, i) => {
    const at = Math.floor(i / L / K) * K + i % K;
    variance[at] += (value - mean[at]) ** 2 / L;
  });
  return { mean, variance };
}

for (const { shape, groups: G } of cases) {
  Deno.test(`statistics of ${nameOf(shape)} in ${G} groups, by every variant that gives them`, async () => {
    const { N, H, W, C, K, R, S } = shape;
    const { P, Q } = outputSize(shape);
    const L = N * P * Q / G;
    // Far from zero, where sums of squares would lose everything.
    const x = noise([N, H, W, C], 1).data.map((value) => value / 64 + 16);
    const w = noise([R, S, C, K], 2).data;
    const names = candidates(gpu, "forward", shape).filter((name) =>
      variants.forward[name].rows?.(shape, G)
    );
    assert.ok(names.length > 0, "some variant gives them");
    for (const name of names) {
      const variant = variants.forward[name];
      const rows = variant.rows!(shape, G);
      const sizes = {
        y: N * P * Q * K,
        plain: N * P * Q * K,
        partial: G * Math.ceil(L / rows) * K * 2,
      };
      const buffer = (values: number | Float32Array<ArrayBuffer>) =>
        createBuffer(gpu, typeof values === "number" ? new Float32Array(values).fill(NaN) : values);
      const buffers = {
        ...{ x: buffer(x), w: buffer(w), spare: buffer(2) },
        ...{ y: buffer(sizes.y), plain: buffer(sizes.plain), partial: buffer(sizes.partial) },
      };
      const context = { gpu, add: false, temporary: () => buffers.spare };
      const statistics = { partial: buffers.partial, groups: G };
      const steps = [
        ...variant.steps(shape, buffers, { ...context, epilogue: { statistics } }),
        ...variant.steps(shape, { ...buffers, y: buffers.plain }, context),
      ];
      const launches = steps.map((made) =>
        launch(gpu, kernel(gpu, made.code, made.constants), made)
      );
      submit(gpu, launches);
      const y = await readFloats(gpu, buffers.y, sizes.y);
      assert.deepEqual(y, await readFloats(gpu, buffers.plain, sizes.y), `${name}: y is the same`);
      const found = merged(await readFloats(gpu, buffers.partial, sizes.partial), L, {
        G,
        K,
        rows,
      });
      const expected = moments(y, L, { G, K });
      assert.ok(difference(found.mean, expected.mean) < 1e-6, `${name}: means`);
      if (L > 1) {
        assert.ok(difference(found.variance, expected.variance) < 1e-4, `${name}: variances`);
      }
      release(launches);
      for (const made of Object.values(buffers)) made.destroy();
    }
  });
}

Deno.test("statistics: thousands of parts are merged in between, and the norm is that of separate sums", async () => {
  const shape = [2, 160, 160, 4];
  const store = new ParameterStore(gpu);
  const tape = new Tape(store);
  const x = tape.input("x", shape);
  const w = tape.parameter("w", [1, 1, 4, 8], { initial: { kind: "constant", value: 0 } });
  const one = conv2dNorm(tape, x, w, declareBatchNorm(tape, "a", 8));
  const merges = tape.steps.filter(({ step }) => step.code.includes("fn batch_norm_merge"));
  assert.equal(merges.length, 1);
  const plain = tape.value(one.shape);
  append(tape, x, w, plain);
  const other = batchNorm(tape, plain, declareBatchNorm(tape, "b", 8));
  const program = compile(tape, { outputs: [one, other] });
  store.load(new Map([["w", { shape: [1, 1, 4, 8], data: noise([32], 3).data }]]));
  program.write("x", noise(shape, 4).data);
  program.run();
  const [a, b] = await program.read(one, other);
  assert.ok(difference(a, b) < 2e-6);
  const read = await store.read();
  for (const name of ["running_mean", "running_var"]) {
    assert.ok(difference(read.get(`a.${name}`)!.data, read.get(`b.${name}`)!.data) < 2e-6, name);
  }
  program.destroy();
  store.destroy();
});

/** The convolution alone, of a tape whose other one carries statistics. */
function append(tape: Tape, x: Tensor, w: Tensor, y: Tensor): void {
  const [N, H, W, C] = x.shape;
  const shape = { N, H, W, C, K: w.shape[3], R: 1, S: 1, stride: 1, padding: 0 };
  const name = candidates(gpu, "forward", shape)[0];
  const steps = variants.forward[name].steps(shape, { x, w, y }, {
    gpu,
    add: false,
    temporary: (size) => tape.value(size),
  });
  for (const step of steps) tape.launch(step);
}

Deno.test("convolution with norm: gradients are central differences, by a GPU's variant as well", async () => {
  const shape = { N: 3, H: 5, W: 7, C: 4, K: 12, R: 3, S: 3, stride: 1, padding: 1 };
  const operands = { x: noise([3, 5, 7, 4], 1), w: noise([3, 3, 4, 12], 2) };
  for (const name of ["subgroup 4 row", "tiled 32", "tiled 64"]) {
    await checkGradients(gpu, operands, (tape, { x, w }) => {
      tape.selected[keyOf("forward", shape)] = name;
      const norm = declareBatchNorm(tape, "n", 12);
      return conv2dNorm(tape, x, w, norm, { convolution: { padding: 1 } });
    });
  }
});
