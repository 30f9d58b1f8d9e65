/** The class token's attention: against the whole softmax, gradients against differences, rollout against its product. */
import assert from "node:assert/strict";
import { openGpu } from "@/gpu/device.ts";
import { add } from "@/gpu/ops/add.ts";
import { attend } from "@/gpu/ops/attention.ts";
import { attentionRollout, classAttention } from "@/gpu/ops/class_attention.ts";
import { tokenSlice } from "@/gpu/ops/tokens.ts";
import type { Tape } from "@/gpu/tape.ts";
import type { Tensor } from "@/gpu/tensor.ts";
import { checkGradients, difference, noise, runOp, type Values } from "../../support/operation.ts";

const gpu = await openGpu();

/** softmax_j(q_i . k_j / sqrt D), `[N, H, T, T]`, in double precision. */
function softmaxOf({ shape: [N, T, width], data }: Values, H: number): number[][][][] {
  const D = width / 3 / H;
  const at = (n: number, t: number, part: number, h: number, d: number) =>
    data[(n * T + t) * width + (part * H + h) * D + d];
  const each = <V>(count: number, make: (i: number) => V) =>
    Array.from({ length: count }, (_, i) => make(i));
  return each(N, (n) =>
    each(H, (h) =>
      each(T, (i) => {
        const logits = each(T, (j) => {
          let dot = 0;
          for (let d = 0; d < D; d++) dot += at(n, i, 0, h, d) * at(n, j, 1, h, d);
          return dot / Math.sqrt(D);
        });
        const powers = logits.map(Math.exp);
        const sum = powers.reduce((a, b) => a + b);
        return powers.map((power) => power / sum);
      })));
}

const SIZES = [[1, 2, 1, 4], [2, 17, 3, 8], [1, 67, 2, 64]];
const operandOf = ([N, T, H, D]: number[]) => {
  const { shape, data } = noise([N, T, 3 * H * D], 91);
  return { shape, data: data.map((value) => 2 * value) };
};

Deno.test("class attention: every head's row and the logarithm of their mean", async () => {
  for (const size of SIZES) {
    const [N, T, H] = size;
    const qkv = operandOf(size);
    const rows = softmaxOf(qkv, H).map((heads) => heads.map(([row]) => row));
    const { y: heads } = await runOp(
      gpu,
      { qkv },
      (tape, { qkv }) => classAttention(tape, attend(tape, qkv, { heads: H })).heads,
    );
    assert.ok(difference(heads.map(Math.exp), rows.flat(2)) < 1e-5);
    const { y: mean } = await runOp(
      gpu,
      { qkv },
      (tape, { qkv }) => classAttention(tape, attend(tape, qkv, { heads: H })).mean,
    );
    const expected = rows.flatMap((heads) =>
      Array.from(
        { length: T - 1 },
        (_, l) => Math.log(heads.reduce((sum, row) => sum + row[1 + l], 0) / H),
      )
    );
    assert.equal(mean.length, N * (T - 1));
    assert.ok(mean.every((value, i) => Math.abs(value - expected[i]) < 1e-5));
  }
});

Deno.test("class attention: gradients against differences, at awkward sizes", async () => {
  for (const size of SIZES) {
    await checkGradients(
      gpu,
      { qkv: operandOf(size) },
      (tape, { qkv }) => classAttention(tape, attend(tape, qkv, { heads: size[2] })).mean,
      { step: 1 / 64, count: size[3] > 8 ? 4 : 8, tolerance: 5e-3 },
    );
  }
});

Deno.test("class attention: its gradient and that of the attention itself add, in both orders", async () => {
  const operands = { qkv: noise([2, 5, 3 * 2 * 4], 92) };
  const run = async (build: (tape: Tape, qkv: Tensor) => Tensor) =>
    (await runOp(gpu, operands, (tape, { qkv }) => build(tape, qkv))).gradients.qkv;
  const heads = 2;
  const row = (tape: Tape, qkv: Tensor) => classAttention(tape, attend(tape, qkv, { heads })).mean;
  const values = (tape: Tape, qkv: Tensor) =>
    tape.reshape(
      tokenSlice(tape, tape.reshape(attend(tape, qkv, { heads }).y, [2, 20, 2]), {
        first: 0,
        count: 2,
      }),
      [2, 4],
    );
  const [one, other] = [await run(row), await run(values)];
  const expected = one.map((value, i) => value + other[i]);
  for (const order of [[row, values], [values, row]]) {
    const both = await run((tape, qkv) => {
      const [first, second] = order.map((build) => build(tape, qkv));
      return add(tape, first, second);
    });
    assert.ok(difference(both, expected) < 1e-5);
  }
});

Deno.test("rollout: the first row of the product of what every block passes on", async () => {
  for (const [N, T, H, D] of SIZES) {
    const blocks = [93, 94, 95].map((seed) => {
      const { shape, data } = noise([N, T, 3 * H * D], seed);
      return { shape, data: data.map((value) => 3 * value) };
    });
    const [a, b, c] = blocks;
    const { y } = await runOp(gpu, { a, b, c }, (tape, given) =>
      // A sum with nothing, so that the test's harness has something to differentiate.
      add(
        tape,
        attentionRollout(
          tape,
          [given.a, given.b, given.c].map((qkv) => attend(tape, qkv, { heads: H })),
        ),
        tape.reshape(
          tokenSlice(tape, tape.reshape(given.a, [N, 3 * H * D, T]), { first: 0, count: 1 }),
          [N, T],
        ),
      ));
    const first = Array.from(
      { length: N * T },
      (_, i) => a.data[Math.floor(i / T) * T * 3 * H * D + i % T],
    );
    const layers = blocks.map((block) => softmaxOf(block, H));
    for (let n = 0; n < N; n++) {
      let row = Array.from({ length: T }, (_, j) => +(j === 0));
      for (const layer of layers.toReversed()) {
        row = row.map((own, j) =>
          own / 2 +
          row.reduce((sum, v, i) =>
            sum + v * layer[n].reduce((all, head) => all + head[i][j], 0) /
              (2 * H), 0)
        );
      }
      const ours = Array.from(
        y.subarray(n * T, (n + 1) * T),
        (value, j) => value - first[n * T + j],
      );
      assert.ok(ours.every((value, j) => Math.abs(value - row[j]) < 1e-5));
      assert.ok(Math.abs(ours.reduce((sum, value) => sum + value, 0) - 1) < 1e-4);
    }
  }
});

Deno.test("device closes without errors", () => {
  gpu.check();
  gpu.device.destroy();
});
