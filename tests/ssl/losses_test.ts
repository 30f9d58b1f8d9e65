/** Losses of methods and their gradients against PyTorch's in f64, plain and with pairs. */
import assert from "node:assert/strict";
import { openGpu } from "@/gpu/device.ts";
import { distillation } from "@/gpu/ops/distillation.ts";
import { l2Normalize } from "@/gpu/ops/l2_normalize.ts";
import type { Tape } from "@/gpu/tape.ts";
import type { Tensor } from "@/gpu/tensor.ts";
import { barlowTwinsLoss } from "@/lib/ssl/barlow_twins.ts";
import { mocoV3Loss } from "@/lib/ssl/moco_v3.ts";
import { methodSpecs } from "@/lib/ssl/specs.ts";
import { vicregLoss } from "@/lib/ssl/vicreg.ts";
import reference from "../fixtures/ssl_losses.json" with { type: "json" };
import { formula, unit } from "../support/formula.ts";
import {
  checkGradients,
  constant,
  difference,
  noise,
  runOp,
  type Values,
} from "../support/operation.ts";

const gpu = await openGpu();

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
  moco_v3: (tape, z, A) => {
    const keys = constants(z[0].shape).map((values) => l2Normalize(tape, constant(tape, values)));
    const queries = z.map((rows) => l2Normalize(tape, rows));
    return mocoV3Loss(tape, queries, keys, A, methodSpecs.moco_v3.config.parse({}));
  },
};

function built(name: string, { shape, data }: Values) {
  return (tape: Tape, { x, y }: Record<string, Tensor>) =>
    losses[name](tape, [x, y], tape.reshape(tape.constant("A", data, "f32"), shape));
}

/** Keys and teachers: constants of the formula. */
function constants([N, D]: readonly number[]): Values[] {
  return reference.constant_shifts.map((shift) => formula([N, D], shift));
}

/** Both views in one. */
function stacked([first, second]: Values[]): Values {
  const data = Float32Array.from([...first.data, ...second.data]);
  return { shape: [2 * first.shape[0], first.shape[1]], data };
}

for (const pairs of ["plain", "pairs"] as const) {
  Deno.test(`dino ${pairs}: PyTorch's loss and gradients`, async () => {
    const { N, D, shifts, pair_shift } = reference;
    const expected = reference.cases[`dino ${pairs}`];
    const { student_temperature, teacher_temperature: temperature } = methodSpecs.dino.config.parse(
      {},
    );
    const student = stacked(shifts.map((shift) => formula([N, D], shift)));
    const s = { ...student, data: student.data.map((value) => value / student_temperature) };
    const A = weights(N, pairs === "pairs" ? pair_shift : undefined);
    const build = (tape: Tape, { s }: Record<string, Tensor>) =>
      distillation(tape, s, constant(tape, stacked(constants([N, D]))), constant(tape, A), {
        temperature,
        centerMomentum: 0.9,
      });
    const { y, gradients } = await runOp(gpu, { s }, build, Float32Array.of(1));
    assert.ok(Math.abs(y[0] / expected.loss - 1) < 1e-6, `${y[0]} for ${expected.loss}`);
    const ds = gradients.s.map((value) => value / student_temperature);
    assert.ok(difference(ds, [...expected.dx, ...expected.dy]) < 1e-5);
    await checkGradients(gpu, { s: student }, build, { step: 1 / 64, count: 4, tolerance: 1e-2 });
  });
}

const others = Object.entries(reference.cases).filter(([key]) => !key.startsWith("dino"));
for (const [key, expected] of others) {
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
