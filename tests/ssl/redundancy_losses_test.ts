/** VICReg's and Barlow Twins' losses and gradients against PyTorch's in f64, plain and with pairs. */
import assert from "node:assert/strict";
import { openGpu } from "@/gpu/device.ts";
import type { Tape } from "@/gpu/tape.ts";
import type { Tensor } from "@/gpu/tensor.ts";
import { barlowTwinsLoss } from "@/lib/ssl/barlow_twins.ts";
import { methodSpecs } from "@/lib/ssl/specs.ts";
import { vicregLoss } from "@/lib/ssl/vicreg.ts";
import reference from "../fixtures/redundancy_losses.json" with { type: "json" };
import { unit } from "../support/formula.ts";
import { checkGradients, difference, noise, runOp, type Values } from "../support/operation.ts";

const gpu = await openGpu();

function formula(shape: [number, number], shift: number): Values {
  const data = Float32Array.from({ length: shape[0] * shape[1] }, (_, i) => unit(i + shift));
  return { shape, data };
}

/** Symmetric weights, 1 on the diagonal: of the formula, or without one none but that. */
function weights(N: number, shift?: number): Values {
  const data = Float32Array.from({ length: N * N }, (_, k) => {
    const [i, j] = [Math.floor(k / N), k % N].sort((a, b) => a - b);
    return i === j ? 1 : shift === undefined ? 0 : Math.max(0, unit(i * N + j + shift));
  });
  return { shape: [N, N], data };
}

type Loss = (tape: Tape, z: [Tensor, Tensor], A: Tensor) => Tensor;
const losses: Record<string, Loss> = {
  vicreg: (tape, z, A) => vicregLoss(tape, z, A, methodSpecs.vicreg.config.parse({})),
  barlow_twins: (tape, z, A) =>
    barlowTwinsLoss(tape, z, A, methodSpecs.barlow_twins.config.parse({})),
};

function built(name: string, { shape, data }: Values) {
  return (tape: Tape, { x, y }: Record<string, Tensor>) =>
    losses[name](tape, [x, y], tape.reshape(tape.constant("A", data, "f32"), shape));
}

for (const [key, expected] of Object.entries(reference.cases)) {
  Deno.test(`${key}: PyTorch's loss and gradients`, async () => {
    const { N, D, shifts: [first, second], pair_shift } = reference;
    const [name, pairs] = key.split(" ");
    const A = weights(N, pairs === "pairs" ? pair_shift : undefined);
    const operands = { x: formula([N, D], first), y: formula([N, D], second) };
    const { y, gradients } = await runOp(gpu, operands, built(name, A), Float32Array.of(1));
    assert.ok(Math.abs(y[0] / expected.loss - 1) < 1e-6, `${y[0]} for ${expected.loss}`);
    assert.ok(difference(gradients.x, expected.dx) < 5e-6);
    assert.ok(difference(gradients.y, expected.dy) < 5e-6);
  });
}

for (const name of Object.keys(losses)) {
  Deno.test(`${name}: gradients against differences, at awkward sizes`, async () => {
    for (const [N, D] of [[2, 3], [5, 70], [19, 17]]) {
      const operands = { x: noise([N, D], 31), y: noise([N, D], 32) };
      // Two rows' batch norm is a sign, so its gradient is rounding beside the differences.
      if (name === "barlow_twins" && N === 2) continue;
      await checkGradients(gpu, operands, built(name, weights(N, 40)), {
        ...{ step: 1 / 128, count: 4, tolerance: 1e-2 },
      });
    }
  });
}

Deno.test("vicreg: a batch of one image is refused", async () => {
  const operands = { x: noise([1, 3], 1), y: noise([1, 3], 2) };
  await assert.rejects(runOp(gpu, operands, built("vicreg", weights(1))), /variance of 1 row/);
});
