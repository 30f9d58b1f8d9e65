/** Runs one differentiable op by itself: its values, and its gradients for given output gradients. */
import assert from "node:assert/strict";
import type { Gpu } from "@/gpu/device.ts";
import { ParameterStore } from "@/gpu/parameters.ts";
import { compile } from "@/gpu/program.ts";
import { Tape, type TapeOptions } from "@/gpu/tape.ts";
import { elementCount, type Shape, type Tensor } from "@/gpu/tensor.ts";
import { bits } from "@/lib/random.ts";
import weightedSumCode from "./weighted_sum.wgsl" with { type: "text" };

export interface Values {
  shape: Shape;
  data: Float32Array<ArrayBuffer>;
}

/** Repeatable numbers in (-1, 1). */
export function noise(shape: Shape, seed = 0): Values {
  const data = Float32Array.from(
    { length: elementCount(shape) },
    (_, i) => (bits(seed, i) / 2 ** 31) - 1,
  );
  return { shape, data };
}

/** Values as a constant of the tape. */
export function constant(tape: Tape, { shape, data }: Values): Tensor {
  return tape.reshape(tape.constant("given", data, "f32"), shape);
}

/**
 * Values of `build` and the gradients of sum(dy * y) for every operand.
 * @param operands become parameters, so that each has a gradient
 */
export async function runOp(
  gpu: Gpu,
  operands: Record<string, Values>,
  build: (tape: Tape, tensors: Record<string, Tensor>) => Tensor,
  dy?: Float32Array<ArrayBuffer>,
  options: TapeOptions = {},
): Promise<{ y: Float32Array; gradients: Record<string, Float32Array>; loss: number }> {
  const store = new ParameterStore(gpu);
  const tape = new Tape(store, options);
  const tensors: Record<string, Tensor> = {};
  for (const [name, { shape }] of Object.entries(operands)) {
    tensors[name] = tape.parameter(name, shape, { initial: { kind: "constant", value: 0 } });
  }
  const y = build(tape, tensors);
  const weights = dy ?? noise(y.shape, 99).data;
  const loss = weightedSum(tape, y, weights);
  tape.backward(loss);
  const program = compile(tape, { outputs: [y, loss] });
  store.load(
    new Map(
      Object.entries(operands).map((
        [name, { shape, data }],
      ) => [name, { shape: [...shape], data }]),
    ),
  );
  program.run();
  const [values, sum] = await program.read(y, loss);
  const read = await store.read(() => true, "gradients");
  program.destroy();
  store.destroy();
  const gradients = Object.fromEntries([...read].map(([name, { data }]) => [name, data]));
  return { y: values, gradients, loss: sum[0] };
}

/** sum_i weights[i] y[i], as an op. */
function weightedSum(tape: Tape, y: Tensor, weights: Float32Array<ArrayBuffer>): Tensor {
  const n = weights.length;
  const factors = tape.constant("weights", weights, "f32");
  const loss = tape.value([1], [y]);
  const dy = tape.value(y.shape, [], { type: y.type });
  tape.launch({
    code: weightedSumCode,
    bind: { y, factors, loss, dy },
    params: { n },
    grid: [1],
  });
  tape.onBackward(loss, () => tape.giveGradient(y, dy));
  return loss;
}

/** Largest difference, relative to the largest reference value. */
export function difference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  assert.equal(actual.length, expected.length);
  let largest = 1e-30;
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    largest = Math.max(largest, Math.abs(expected[i]));
    const gap = Math.abs(actual[i] - expected[i]);
    if (!(gap <= worst)) worst = gap;
  }
  return worst / largest;
}

/**
 * Compares every gradient with central differences of the randomly weighted sum of the output.
 * @param options.step of the difference; `options.count` elements of each operand are tried
 */
export async function checkGradients(
  gpu: Gpu,
  operands: Record<string, Values>,
  build: (tape: Tape, tensors: Record<string, Tensor>) => Tensor,
  options: { step?: number; count?: number; tolerance?: number } = {},
): Promise<void> {
  const { step = 1 / 64, count = 6, tolerance = 2e-3 } = options;
  const { gradients, y } = await runOp(gpu, operands, build);
  const weights = noise([y.length], 99).data;
  const dot = (values: Float32Array) => values.reduce((sum, v, i) => sum + v * weights[i], 0);
  for (const [name, { shape, data }] of Object.entries(operands)) {
    const scale = Math.max(...gradients[name].map(Math.abs), 1e-3);
    for (let trial = 0; trial < Math.min(count, data.length); trial++) {
      const i = bits(trial, data.length) % data.length;
      const [up, down] = [data.slice(), data.slice()];
      up[i] += step;
      down[i] -= step;
      const high = await runOp(gpu, { ...operands, [name]: { shape, data: up } }, build);
      const low = await runOp(gpu, { ...operands, [name]: { shape, data: down } }, build);
      const expected = (dot(high.y) - dot(low.y)) / (up[i] - down[i]);
      const gap = Math.abs(gradients[name][i] - expected) / scale;
      assert.ok(
        gap < tolerance,
        `d ${name}[${i}] = ${gradients[name][i]}, central difference ${expected}`,
      );
    }
  }
}
