/** Attention, layer norm, GELU and tokens: PyTorch's values and gradients, differences at awkward sizes. */
import assert from "node:assert/strict";
import { type Gpu, openGpu } from "@/gpu/device.ts";
import { add } from "@/gpu/ops/add.ts";
import { attention } from "@/gpu/ops/attention.ts";
import { gelu } from "@/gpu/ops/gelu.ts";
import { layerNorm } from "@/gpu/ops/layer_norm.ts";
import { tokens, tokenSlice } from "@/gpu/ops/tokens.ts";
import type { Tape } from "@/gpu/tape.ts";
import type { Tensor } from "@/gpu/tensor.ts";
import reference from "../../fixtures/transformer.json" with { type: "json" };
import { formula } from "../../support/formula.ts";
import { checkGradients, difference, noise, runOp } from "../../support/operation.ts";

const gpu = await openGpu();
/** The same device, taken for one whose subgroups are others: attention goes by tiles in shared memory there. */
const plain: Gpu = Object.create(gpu, {
  features: { value: { ...gpu.features, subgroupSize: 0 } },
});

for (const [way, device] of [["this device's kernels", gpu], ["tiles", plain]] as const) {
  Deno.test(`attention by ${way}: PyTorch's values and gradients`, async () => {
    const { shape, heads, shift, factor, dy_shift, y, dx } = reference.attention;
    const [N, T, width] = shape;
    const { y: values, gradients } = await runOp(
      device,
      { x: formula(shape, shift, factor) },
      (tape, { x }) => attention(tape, x, { heads }),
      formula([N, T, width / 3], dy_shift).data,
    );
    assert.ok(difference(values.slice(0, y.length), y) < 1e-6);
    const some = gradients.x.filter((_, i) => i % 7 === 0).map((value) => value * factor);
    assert.ok(difference(some, dx) < 2e-6);
  });

  Deno.test(`attention by ${way}: gradients against differences, at awkward sizes`, async () => {
    for (const [N, T, heads, D] of [[1, 1, 1, 4], [2, 17, 3, 8], [1, 67, 2, 64]]) {
      const x = noise([N, T, 3 * heads * D], 51);
      await checkGradients(
        device,
        { x: { ...x, data: x.data.map((value) => value * 2) } },
        (tape, { x }) => attention(tape, x, { heads }),
        { step: 1 / 64, count: D > 8 ? 2 : 6, tolerance: 5e-3 },
      );
    }
  });
}

Deno.test("attention: both ways give the same, past the end of tiles of 32 and of 64", async () => {
  for (const T of [31, 32, 33, 64, 65]) {
    const operands = { x: noise([2, T, 3 * 2 * 64], 53) };
    const [one, other] = await Promise.all(
      [gpu, plain].map((device) =>
        runOp(device, operands, (tape, { x }) => attention(tape, x, { heads: 2 }))
      ),
    );
    assert.ok(difference(one.y, other.y) < 2e-6, `values of ${T} tokens`);
    assert.ok(difference(one.gradients.x, other.gradients.x) < 5e-6, `gradients of ${T} tokens`);
    assert.notDeepEqual(one.gradients.x, other.gradients.x, "two ways, not one twice");
  }
});

Deno.test("attention: gradients of two uses add, and a head that does not fit is refused", async () => {
  const operands = { x: noise([2, 5, 3 * 2 * 4], 52) };
  const run = async (build: (tape: Tape, x: Tensor) => Tensor) =>
    (await runOp(gpu, operands, (tape, { x }) => build(tape, x))).gradients.x;
  const slice = (tape: Tape, x: Tensor) => tokenSlice(tape, x, { first: 1, count: 2 });
  const one = await run((tape, x) => slice(tape, attention(tape, x, { heads: 2 })));
  const other = await run((tape, x) => slice(tape, attention(tape, x, { heads: 1 })));
  const both = await runOp(gpu, operands, (tape, { x }) => {
    const first = slice(tape, attention(tape, x, { heads: 2 }));
    const second = slice(tape, attention(tape, x, { heads: 1 }));
    return add(tape, first, second);
  });
  assert.ok(difference(both.gradients.x, one.map((value, i) => value + other[i])) < 1e-5);
  for (const heads of [3, 5]) {
    await assert.rejects(
      runOp(gpu, operands, (tape, { x }) => attention(tape, x, { heads })),
      /heads of 8 numbers have .* each, a multiple of 4 up to 64 is needed/,
    );
  }
});

Deno.test("layer norm: PyTorch's values and gradients", async () => {
  const { shape, shifts, dy_shift, y, dx, dw, db } = reference.layer_norm;
  const [x, weight, bias] = [shape, [24], [24]].map((shape, i) => formula(shape, shifts[i]));
  const { y: values, gradients } = await runOp(
    gpu,
    { x, weight, bias },
    (tape, { x, weight, bias }) => layerNorm(tape, x, { weight, bias }),
    formula(shape, dy_shift).data,
  );
  assert.ok(difference(values, y) < 1e-6);
  assert.ok(difference(gradients.x, dx) < 2e-6);
  assert.ok(difference(gradients.weight, dw) < 2e-6);
  assert.ok(difference(gradients.bias, db) < 2e-6);
});

Deno.test("layer norm: gradients against differences, at awkward sizes", async () => {
  for (const [L, C] of [[1, 3], [7, 70], [131, 5]]) {
    const operands = { x: noise([L, C], 61), weight: noise([C], 62), bias: noise([C], 63) };
    await checkGradients(
      gpu,
      operands,
      (tape, { x, weight, bias }) => layerNorm(tape, x, { weight, bias }),
      { step: 1 / 128, count: 4, tolerance: 5e-3 },
    );
  }
});

Deno.test("gelu: PyTorch's values and gradients, from one tail to the other", async () => {
  const { from, to, count, y, dx } = reference.gelu;
  const data = Float32Array.from({ length: count }, (_, i) => from + (to - from) * i / (count - 1));
  const { y: values, gradients } = await runOp(
    gpu,
    { x: { shape: [count], data } },
    (tape, { x }) => gelu(tape, x),
    new Float32Array(count).fill(1),
  );
  values.forEach((value, i) => assert.ok(Math.abs(value - y[i]) < 1e-6 * Math.max(1, data[i])));
  gradients.x.forEach((value, i) => assert.ok(Math.abs(value - dx[i]) < 1e-6));
});

Deno.test("tokens and slices: values, and gradients against differences", async () => {
  for (const [N, P, Q, C] of [[1, 1, 1, 1], [3, 2, 5, 7]]) {
    const L = P * Q;
    const operands = {
      x: noise([N, P, Q, C], 71),
      start: noise([1, 1, C], 72),
      bias: noise([C], 73),
      position: noise([1, 1 + L, C], 74),
    };
    const build = (tape: Tape, { x, start, bias, position }: Record<string, Tensor>) =>
      tokens(tape, x, { start, bias, position });
    const { y } = await runOp(gpu, operands, build);
    for (let i = 0; i < y.length; i++) {
      const [n, t, c] = [Math.floor(i / C / (1 + L)), Math.floor(i / C) % (1 + L), i % C];
      const { x, start, bias, position } = operands;
      const expected = position.data[t * C + c] +
        (t === 0 ? start.data[c] : x.data[(n * L + t - 1) * C + c] + bias.data[c]);
      assert.ok(Math.abs(y[i] - expected) < 1e-6);
    }
    await checkGradients(gpu, operands, build, { tolerance: 1e-3 });
    await checkGradients(
      gpu,
      operands,
      (tape, given) => tokenSlice(tape, build(tape, given), { first: 1, count: L }),
      { tolerance: 1e-3 },
    );
  }
});
