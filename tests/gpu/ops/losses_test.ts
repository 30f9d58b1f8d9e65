/** Losses over pairs: PyTorch's values and gradients, central differences at awkward sizes. */
import assert from "node:assert/strict";
import { openGpu } from "@/gpu/device.ts";
import { queueContrast, viewContrast } from "@/gpu/ops/contrast.ts";
import { accuracy, crossEntropy } from "@/gpu/ops/cross_entropy.ts";
import { keyQueue } from "@/gpu/ops/key_queue.ts";
import { l2Normalize } from "@/gpu/ops/l2_normalize.ts";
import { pairLoss } from "@/gpu/ops/pair_loss.ts";
import { softmaxLoss } from "@/gpu/ops/softmax_loss.ts";
import { stdOfL2Normalized } from "@/gpu/ops/std_of_l2_normalized.ts";
import { weightedSum } from "@/gpu/ops/weighted_sum.ts";
import { ParameterStore } from "@/gpu/parameters.ts";
import { compile } from "@/gpu/program.ts";
import { Tape } from "@/gpu/tape.ts";
import type { Tensor } from "@/gpu/tensor.ts";
import {
  checkGradients,
  constant,
  difference,
  noise,
  runOp,
  type Values,
} from "../../support/operation.ts";
import { readGoldens } from "../../support/safetensors.ts";
import { sharedTest } from "../../support/shared.ts";

const gpu = await openGpu();
const one = Float32Array.of(1);
const fine = { step: 1 / 256, count: 4, tolerance: 5e-3 };

function identity(N: number): Values {
  return {
    shape: [N, N],
    data: Float32Array.from({ length: N * N }, (_, i) => +(i % (N + 1) === 0)),
  };
}

/** Symmetric weights in [0, 1], 1 on the diagonal, many of them 0. */
function soft(N: number): Values {
  const random = noise([N, N], 21).data;
  const data = Float32Array.from({ length: N * N }, (_, k) => {
    const [i, j] = [Math.floor(k / N), k % N].sort((a, b) => a - b);
    return i === j ? 1 : Math.max(0, random[i * N + j]);
  });
  return { shape: [N, N], data };
}

sharedTest("pair loss: PyTorch's value and gradient, with pairs and plain", [
  "goldens/losses.safetensors",
], async (file) => {
  const goldens = readGoldens(file);
  const p = goldens["cosine_positives.p"];
  const z = goldens["cosine_positives.z"];
  for (const [name, A] of [["positives", goldens.positives], ["plain", identity(12)]] as const) {
    const { y, gradients } = await runOp(
      gpu,
      { p },
      (tape, { p }) => pairLoss(tape, p, constant(tape, z), constant(tape, A)),
      one,
    );
    // A mean of cosines of either sign: it is the cosines, not their mean, that f32 gives to 1e-7.
    assert.ok(Math.abs(y[0] - goldens[`cosine_${name}.loss`].data[0]) < 5e-8, name);
    assert.ok(difference(gradients.p, goldens[`cosine_${name}.dp`].data) < 2e-6, name);
  }
});

sharedTest("queue contrast: PyTorch's value and gradient, with pairs and plain", [
  "goldens/losses.safetensors",
], async (file) => {
  const goldens = readGoldens(file);
  const part = (name: string) => goldens[`moco_positives.${name}`];
  const keys = {
    shape: [48, 16],
    data: Float32Array.from([...part("queue").data, ...part("k").data]),
  };
  const unit = (tape: Tape, rows: Values) => l2Normalize(tape, constant(tape, rows));
  const none = { shape: [12, 36], data: new Float32Array(12 * 36) };
  for (const [name, A] of [["positives", part("queue_positives")], ["plain", none]] as const) {
    const { y, gradients } = await runOp(
      gpu,
      { q: part("q") },
      (tape, { q }) =>
        queueContrast(tape, l2Normalize(tape, q), unit(tape, keys), constant(tape, A), {
          temperature: 0.2,
        }),
      one,
    );
    assert.ok(difference(y, goldens[`moco_${name}.loss`].data) < 5e-6, name);
    assert.ok(difference(gradients.q, goldens[`moco_${name}.dq`].data) < 5e-6, name);
  }
});

sharedTest(
  "cross-entropy: PyTorch's value and gradient",
  ["goldens/layers.safetensors"],
  async (file) => {
    const goldens = readGoldens(file);
    const labels = Uint32Array.from(goldens["cross_entropy.labels"].data);
    const { y, gradients } = await runOp(
      gpu,
      { x: goldens["cross_entropy.x"] },
      (tape, { x }) => crossEntropy(tape, x, tape.constant("labels", labels)),
      one,
    );
    assert.ok(difference(y, goldens["cross_entropy.loss"].data) < 1e-6);
    assert.ok(difference(gradients.x, goldens["cross_entropy.dx"].data) < 2e-6);
  },
);

Deno.test("cross-entropy: rows without a label count nowhere, and accuracy leaves them out", async () => {
  const x = { shape: [3, 2], data: Float32Array.of(2, 1, 0, 3, 5, -5) };
  const labels = Uint32Array.of(1, 1, 0xffffffff);
  const { y, gradients } = await runOp(
    gpu,
    { x },
    (tape, { x }) => crossEntropy(tape, x, tape.constant("labels", labels)),
    one,
  );
  const expected = (Math.log(1 + Math.exp(1)) + Math.log(1 + Math.exp(-3))) / 2;
  assert.ok(Math.abs(y[0] - expected) < 1e-6);
  assert.deepEqual([...gradients.x.slice(4)], [0, 0]);
  const right = await runOp(
    gpu,
    { x },
    (tape, { x }) => accuracy(tape, x, tape.constant("labels", labels)),
    one,
  );
  assert.equal(right.y[0], 0.5);
});

Deno.test("pair loss: two views, soft weights and the mean per anchor", async () => {
  for (const [N, D] of [[1, 3], [5, 7], [17, 40]]) {
    for (const normalizer of ["global", "anchor"] as const) {
      const operands = { p: noise([2 * N, D], 1) };
      const [z, A] = [noise([2 * N, D], 2), soft(N)];
      const build = (tape: Tape, { p }: Record<string, Tensor>) =>
        pairLoss(tape, p, constant(tape, z), constant(tape, A), { scale: 4, normalizer });
      await checkGradients(gpu, operands, build, fine);
      const { y } = await runOp(gpu, operands, build, one);
      const row = ({ data }: Values, i: number) => data.subarray(i * D, i * D + D);
      const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, v, d) => sum + v * b[d], 0);
      const cosine = (a: Float32Array, b: Float32Array) =>
        dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
      let expected = 0;
      for (const view of [0, 1]) {
        let [top, bottom] = [0, 0];
        for (let i = 0; i < N; i++) {
          let [sum, weight] = [0, 0];
          for (let j = 0; j < N; j++) {
            const w = A.data[i * N + j];
            sum += w * cosine(row(operands.p, view * N + i), row(z, (1 - view) * N + j));
            weight += w;
          }
          top += normalizer === "anchor" ? sum / weight : sum;
          bottom += normalizer === "anchor" ? 1 : weight;
        }
        expected -= 2 * top / bottom;
      }
      assert.ok(Math.abs(y[0] - expected) < 1e-5 * 4, `${y[0]} for ${expected}`);
    }
  }
});

/** Reference of the masked softmax loss, in f64. */
function softmaxReference(s: number[][], w: number[][], anchor: boolean): number {
  let [top, bottom] = [0, 0];
  s.forEach((row, i) => {
    const kept = row.filter((_, j) => w[i][j] >= 0);
    const lse = Math.log(kept.reduce((sum, v) => sum + Math.exp(v), 0));
    let [sum, weight] = [0, 0];
    row.forEach((v, j) => {
      sum -= Math.max(0, w[i][j]) * (v - lse);
      weight += Math.max(0, w[i][j]);
    });
    if (weight > 0) top += anchor ? sum / weight : sum;
    bottom += anchor ? +(weight > 0) : weight;
  });
  return top / bottom;
}

Deno.test("view contrast: four blocks of pairs, the own view left out", async () => {
  for (
    const [N, D, normalizer] of [[1, 5, "global"], [7, 11, "anchor"], [19, 33, "global"]] as const
  ) {
    const A = soft(N);
    const operands = { z: noise([2 * N, D], 3) };
    const build = (tape: Tape, { z }: Record<string, Tensor>) =>
      viewContrast(tape, l2Normalize(tape, z), constant(tape, A), { temperature: 0.5, normalizer });
    await checkGradients(gpu, operands, build, { step: 1 / 32, count: 4, tolerance: 1e-2 });
    const { y } = await runOp(gpu, operands, build, one);
    const rows = Array.from({ length: 2 * N }, (_, i) => {
      const row = [...operands.z.data.subarray(i * D, i * D + D)];
      const norm = Math.hypot(...row);
      return row.map((v) => v / norm);
    });
    const s = rows.map((a) => rows.map((b) => a.reduce((sum, v, d) => sum + v * b[d], 0) / 0.5));
    const w = rows.map((_, i) => rows.map((_, j) => i === j ? -1 : A.data[(i % N) * N + (j % N)]));
    assert.ok(Math.abs(y[0] - softmaxReference(s, w, normalizer === "anchor")) < 1e-5);
  }
});

Deno.test("softmax loss: masked columns and rows without a positive", async () => {
  const random = noise([5, 70], 8);
  const w = random.data.map((v, k) => k < 70 ? -0.5 : v < -0.5 ? -1 : v < 0.5 ? 0 : v);
  const weights = { shape: [5, 70], data: w };
  for (const normalizer of ["global", "anchor"] as const) {
    const operands = { s: { shape: [5, 70], data: noise([5, 70], 9).data.map((v) => v * 20) } };
    const build = (tape: Tape, { s }: Record<string, Tensor>) =>
      softmaxLoss(tape, s, constant(tape, weights), { normalizer });
    await checkGradients(gpu, operands, build, { ...fine, step: 1 / 64 });
    const { y } = await runOp(gpu, operands, build, one);
    const rows = (data: Float32Array) =>
      Array.from({ length: 5 }, (_, i) => [...data.subarray(i * 70, i * 70 + 70)]);
    const expected = softmaxReference(rows(operands.s.data), rows(w), normalizer === "anchor");
    assert.ok(Math.abs(y[0] / expected - 1) < 1e-5, `${y[0]} for ${expected}`);
  }
});

Deno.test("key queue: keys enter behind the loss, at a place that wraps around", async () => {
  const store = new ParameterStore(gpu);
  const tape = new Tape(store);
  const k = tape.input("k", [3, 2]);
  const keys = keyQueue(tape, k, { slots: 7 });
  const program = compile(tape);
  for (let step = 0; step < 3; step++) {
    program.write("k", Float32Array.from({ length: 6 }, (_, i) => step * 10 + i + 1));
    program.set({ "queue.at": step * 3 % 7 });
    program.run();
  }
  const [rows] = await program.read(keys);
  const first = [...rows].filter((_, i) => i % 2 === 0);
  assert.deepEqual(first, [23, 25, 5, 11, 13, 15, 21, 21, 23, 25]);
  program.destroy();
  store.destroy();
});

Deno.test("weighted sum: a loss of two, and the gauge of collapse", async () => {
  const operands = { a: noise([1], 1), b: noise([1], 2) };
  const build = (tape: Tape, { a, b }: Record<string, Tensor>) =>
    weightedSum(tape, [{ x: a, weight: 0.5 }, { x: b, weight: -3 }, { x: a, weight: 2 }]);
  const { y, gradients } = await runOp(gpu, operands, build, one);
  const [a, b] = [operands.a.data[0], operands.b.data[0]];
  assert.ok(Math.abs(y[0] - (2.5 * a - 3 * b)) < 1e-6);
  assert.deepEqual([gradients.a[0], gradients.b[0]], [2.5, -3]);
  const even = { shape: [4, 2], data: Float32Array.of(3, 0, -1, 0, 0, 2, 0, -5) };
  const same = { shape: [3, 5], data: Float32Array.from({ length: 15 }, (_, i) => i % 5 + 1) };
  const gauge = async (x: Values) =>
    (await runOp(gpu, { x }, (tape, { x }) => stdOfL2Normalized(tape, x), one)).y[0];
  assert.ok(Math.abs(await gauge(even) - Math.SQRT1_2) < 1e-6);
  assert.ok(await gauge(same) < 1e-6);
});
