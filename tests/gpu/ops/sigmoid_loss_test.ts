/** The loss of several findings, and the maps of several classes: PyTorch's values in f64, central differences. */
import assert from "node:assert/strict";
import { openGpu } from "@/gpu/device.ts";
import { classMapMean } from "@/gpu/ops/class_map.ts";
import { sigmoidLoss } from "@/gpu/ops/sigmoid_loss.ts";
import { softmaxLoss } from "@/gpu/ops/softmax_loss.ts";
import type { Tape } from "@/gpu/tape.ts";
import type { Tensor } from "@/gpu/tensor.ts";
import reference from "../../fixtures/multi_label.json" with { type: "json" };
import {
  checkGradients,
  constant,
  difference,
  runOp,
  type Values,
} from "../../support/operation.ts";

const gpu = await openGpu();
const one = Float32Array.of(1);

const values = (shape: number[], data: number[]): Values => ({
  shape,
  data: Float32Array.from(data),
});

/** Relative to the larger one. */
const near = (a: number, b: number, most: number) =>
  assert.ok(Math.abs(a - b) <= most * Math.max(1e-30, Math.abs(b)), `${a}, not ${b}`);

function lossOf({ shape, t, p }: { shape: number[]; t: number[]; p: number[] }) {
  return (tape: Tape, { x }: Record<string, Tensor>) =>
    sigmoidLoss(
      tape,
      x,
      constant(tape, values(shape, t)),
      constant(tape, values([p.length], p)),
    );
}

for (const [i, known] of reference.losses.entries()) {
  Deno.test(`sigmoid loss ${i} of [${known.shape}]: PyTorch's value and gradient`, async () => {
    const x = values(known.shape, known.x);
    const { y, gradients } = await runOp(gpu, { x }, lossOf(known), one);
    near(y[0], known.loss, 1e-5);
    const { dx } = known;
    if (known.loss === 0) assert.ok(gradients.x.every((value) => value === 0));
    else assert.ok(difference(gradients.x, Float32Array.from(dx)) < 1e-4);
    // What is not known moves nothing, and what is certain keeps its small gradient.
    dx.forEach((value, at) => {
      if (known.t[at] < 0) assert.equal(gradients.x[at], 0);
      else if (Math.abs(value) > 1e-30) near(gradients.x[at], value, 1e-4);
    });
  });
}

Deno.test("sigmoid loss: a finding that is certain keeps its digits in the loss", async () => {
  const x = values([1, 2], [16, -18]);
  const known = { shape: [1, 2], t: [1, 0], p: [1, 1] };
  const { y } = await runOp(gpu, { x }, lossOf(known), one);
  near(y[0], (Math.log1p(Math.exp(-16)) + Math.log1p(Math.exp(-18))) / 2, 1e-5);
});

Deno.test("sigmoid loss: gradients against differences, at awkward sizes", async () => {
  for (const i of [0, 1, 2]) {
    const known = reference.losses[i];
    const x = values(known.shape, known.x.map((value) => value / 2));
    await checkGradients(gpu, { x }, lossOf(known), { step: 1 / 64, count: 8, tolerance: 5e-3 });
  }
});

for (const { shape: [N, h, width, F, K], ...known } of reference.attention) {
  const operands = { x: values([N, h, width, F], known.x), w: values([F, K], known.w) };
  const built = (tape: Tape, { x, w }: Record<string, Tensor>) =>
    softmaxLoss(
      tape,
      classMapMean(tape, x, w, constant(tape, values([K, N], known.shares))),
      constant(tape, values([N, h * width], known.target)),
    );

  Deno.test(`mean class map of [${[N, h, width, F, K]}]: PyTorch's value and gradients`, async () => {
    const { y, gradients } = await runOp(gpu, operands, built, one);
    near(y[0], known.loss, 1e-5);
    assert.ok(difference(gradients.x, Float32Array.from(known.dx)) < 1e-4);
    assert.ok(difference(gradients.w, Float32Array.from(known.dw)) < 1e-4);
    await checkGradients(gpu, operands, built, { step: 1 / 64, count: 6, tolerance: 1e-2 });
  });
}

Deno.test("device closes without errors", () => {
  gpu.check();
  gpu.device.destroy();
});
