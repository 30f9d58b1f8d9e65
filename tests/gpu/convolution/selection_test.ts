import assert from "node:assert/strict";
import { createBuffer, readFloats } from "@/gpu/buffer.ts";
import { candidates, keyOf, selectVariant, variants } from "@/gpu/convolution/selection.ts";
import { type ConvolutionShape, matrixShape, nameOf, outputSize } from "@/gpu/convolution/shape.ts";
import type { Pass, Variant } from "@/gpu/convolution/variant.ts";
import { openGpu } from "@/gpu/device.ts";
import { type Binding, kernel, launch, release, submit } from "@/gpu/kernel.ts";
import { elementCount } from "@/gpu/tensor.ts";
import { difference, noise } from "../../support/operation.ts";

const gpu = await openGpu();

const shapes: ConvolutionShape[] = [
  { N: 1, H: 1, W: 1, C: 1, K: 1, R: 1, S: 1, stride: 1, padding: 0 },
  { N: 2, H: 9, W: 11, C: 8, K: 20, R: 3, S: 3, stride: 1, padding: 1 },
  { N: 3, H: 8, W: 7, C: 12, K: 24, R: 3, S: 3, stride: 2, padding: 1 },
  { N: 2, H: 13, W: 17, C: 4, K: 16, R: 7, S: 7, stride: 2, padding: 3 },
  { N: 5, H: 6, W: 5, C: 16, K: 40, R: 1, S: 1, stride: 2, padding: 0 },
  { N: 1, H: 7, W: 10, C: 5, K: 3, R: 5, S: 2, stride: 3, padding: 2 },
  { N: 9, H: 2, W: 2, C: 24, K: 17, R: 3, S: 3, stride: 1, padding: 1 },
  { N: 17, H: 4, W: 3, C: 64, K: 132, R: 1, S: 1, stride: 1, padding: 0 },
  { N: 1, H: 1, W: 5, C: 4, K: 4, R: 3, S: 3, stride: 2, padding: 1 },
  matrixShape(13, 37, 21),
];

/** Every product of the sum, in f64: y, or the gradients of sum(dy * y). */
function reference(shape: ConvolutionShape, x: Float32Array, w: Float32Array, dy: Float32Array) {
  const { N, H, W, C, K, R, S, stride, padding } = shape;
  const { P, Q } = outputSize(shape);
  const y = new Float64Array(N * P * Q * K);
  const dx = new Float64Array(x.length);
  const dw = new Float64Array(w.length);
  for (let i = 0; i < y.length; i += K) {
    const [n, p, q] = [Math.floor(i / (P * Q * K)), Math.floor(i / (Q * K)) % P, i / K % Q];
    for (let tap = 0; tap < R * S; tap++) {
      const h = p * stride + Math.floor(tap / S) - padding;
      const v = q * stride + tap % S - padding;
      if (h < 0 || h >= H || v < 0 || v >= W) continue;
      for (let c = 0; c < C; c++) {
        const from = ((n * H + h) * W + v) * C + c;
        const row = (tap * C + c) * K;
        for (let k = 0; k < K; k++) {
          y[i + k] += x[from] * w[row + k];
          dx[from] += dy[i + k] * w[row + k];
          dw[row + k] += x[from] * dy[i + k];
        }
      }
    }
  }
  return { y, dx, dw };
}

async function run(
  pass: Pass,
  name: string,
  shape: ConvolutionShape,
  data: Record<string, Float32Array<ArrayBuffer>>,
  add: boolean,
): Promise<Float32Array> {
  const buffers: Record<string, Binding & GPUBuffer> = {};
  for (const [key, values] of Object.entries(data)) buffers[key] = createBuffer(gpu, values);
  const temporaries: GPUBuffer[] = [];
  const context = {
    gpu,
    add,
    temporary(size: readonly number[]): Binding {
      const buffer = createBuffer(gpu, new Float32Array(elementCount(size)).fill(NaN));
      temporaries.push(buffer);
      return buffer;
    },
  };
  const variant: Variant<Pass> = variants[pass][name];
  const steps = variant.steps(shape, buffers as never, context);
  const launches = steps.map((step) => launch(gpu, kernel(gpu, step.code, step.constants), step));
  submit(gpu, launches);
  const output = { forward: "y", backward_data: "dx", backward_weight: "dw" }[pass];
  const result = await readFloats(gpu, buffers[output], data[output].length);
  release(launches);
  for (const buffer of [...Object.values(buffers), ...temporaries]) buffer.destroy();
  return result;
}

for (const shape of shapes) {
  Deno.test(`convolution ${nameOf(shape)}: every variant is the plain sum, written and added`, async () => {
    const { N, H, W, C, K, R, S } = shape;
    const { P, Q } = outputSize(shape);
    const x = noise([N, H, W, C], 1).data;
    const w = noise([R, S, C, K], 2).data;
    const dy = noise([N, P, Q, K], 3).data;
    const expected = reference(shape, x, w, dy);
    const inputs = { forward: { x, w }, backward_data: { dy, w }, backward_weight: { x, dy } };
    for (const pass of ["forward", "backward_data", "backward_weight"] as const) {
      const output = ({ forward: "y", backward_data: "dx", backward_weight: "dw" } as const)[pass];
      const before = noise([expected[output].length], 4).data;
      for (const name of candidates(gpu, pass, shape)) {
        const what = `${pass} by ${name}`;
        const old = { [output]: new Float32Array(before.length).fill(NaN) };
        const written = await run(pass, name, shape, { ...inputs[pass], ...old }, false);
        assert.ok(difference(written, expected[output]) < 3e-6, what);
        const again = await run(pass, name, shape, { ...inputs[pass], ...old }, false);
        assert.deepEqual(again, written, `${what} repeats bit for bit`);
        if (pass === "forward") continue;
        const sum = await run(pass, name, shape, { ...inputs[pass], [output]: before }, true);
        const together = expected[output].map((value, i) => value + before[i]);
        assert.ok(difference(sum, together) < 3e-6, `${what}, added`);
      }
    }
  });
}

Deno.test("convolution: a bias is added per channel by every variant that takes one", async () => {
  const shape = matrixShape(11, 19, 35);
  const [x, w, b] = [noise([11, 19], 1).data, noise([19, 35], 2).data, noise([35], 3).data];
  const { y } = reference(shape, x, w, new Float32Array(11 * 35));
  const expected = y.map((value, i) => value + b[i % 35]);
  const names = candidates(gpu, "forward", shape).filter((name) => name !== "direct");
  assert.ok(names.length > 0);
  for (const name of names) {
    const data = { x, w, b, y: new Float32Array(y.length) };
    assert.ok(difference(await run("forward", name, shape, data, false), expected) < 3e-6, name);
  }
});

Deno.test("convolution: a tuned variant is taken, an unknown or unfit one is not", () => {
  const odd = { N: 1, H: 3, W: 3, C: 5, K: 3, R: 3, S: 3, stride: 1, padding: 1 };
  const first = selectVariant(gpu, "forward", odd);
  for (const [name, expected] of [["tiled 32", "tiled 32"], ["direct", first], ["x", first]]) {
    const selected = { [keyOf("forward", odd)]: name };
    assert.equal(selectVariant(gpu, "forward", odd, { selected }), expected);
  }
});
