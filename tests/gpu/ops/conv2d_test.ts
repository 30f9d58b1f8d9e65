import assert from "node:assert/strict";
import { openGpu } from "@/gpu/device.ts";
import { fromTorch, toTorch } from "@/gpu/weight_layout.ts";
import { conv2d } from "@/gpu/ops/conv2d.ts";
import type { Shape } from "@/gpu/tensor.ts";
import { checkGradients, difference, noise, runOp } from "../../support/operation.ts";
import { type Golden, readGoldens } from "../../support/safetensors.ts";
import { sharedTest } from "../../support/shared.ts";

const gpu = await openGpu();

/** [N, C, H, W] -> [N, H, W, C'], channels padded to fours. */
function channelsLast({ shape: [N, C, H, W], data }: Golden) {
  const padded = Math.ceil(C / 4) * 4;
  const out = new Float32Array(N * H * W * padded);
  for (let i = 0; i < data.length; i++) {
    const [n, c, hw] = [Math.floor(i / (C * H * W)), Math.floor(i / (H * W)) % C, i % (H * W)];
    out[(n * H * W + hw) * padded + c] = data[i];
  }
  return { shape: [N, H, W, padded] as Shape, data: out, channels: C };
}

sharedTest(
  "conv2d: PyTorch's values and gradients",
  ["goldens/layers.safetensors"],
  async (file) => {
    const goldens = readGoldens(file);
    const cases = [
      ["conv7x7s2", 2, 3],
      ["conv3x3s1", 1, 1],
      ["conv3x3s2", 2, 1],
      ["conv1x1s1", 1, 0],
      ["conv1x1s2", 2, 0],
    ] as const;
    for (const [name, stride, padding] of cases) {
      const part = (suffix: string) => goldens[`${name}.${suffix}`];
      const x = channelsLast(part("x"));
      const [K, , R, S] = part("w").shape;
      const C = x.shape[3];
      const laid = { layout: "conv", shape: [R, S, C, K], channels: x.channels } as const;
      const w = { shape: laid.shape, data: fromTorch(laid, part("w").data) };
      const { y, gradients } = await runOp(
        gpu,
        { x, w },
        (tape, { x, w }) => conv2d(tape, x, w, { stride, padding }),
        channelsLast(part("dy")).data,
      );
      assert.ok(difference(y, channelsLast(part("y")).data) < 2e-6, `${name} y`);
      assert.ok(difference(toTorch(laid, gradients.w), part("dw").data) < 2e-6, `${name} dw`);
      const dx = gradients.x.filter((_, i) => i % C < x.channels);
      const expected = channelsLast(part("dx")).data.filter((_, i) => i % C < x.channels);
      assert.ok(difference(dx, expected) < 2e-6, `${name} dx`);
    }
  },
);

Deno.test("conv2d: gradients are central differences, at awkward sizes", async () => {
  const cases: [Shape, Shape, number, number][] = [
    [[1, 1, 1, 4], [1, 1, 4, 4], 1, 0],
    [[1, 5, 7, 4], [3, 3, 4, 12], 1, 1],
    [[3, 7, 5, 12], [3, 3, 12, 4], 2, 1],
    [[2, 11, 13, 4], [7, 7, 4, 8], 2, 3],
    [[3, 3, 2, 20], [1, 1, 20, 4], 2, 0],
    [[1, 17, 19, 4], [5, 3, 4, 4], 3, 2],
    [[2, 5, 5, 3], [3, 3, 3, 7], 1, 1],
  ];
  for (const [xShape, wShape, stride, padding] of cases) {
    await checkGradients(
      gpu,
      { x: noise(xShape, 1), w: noise(wShape, 2) },
      (tape, { x, w }) => conv2d(tape, x, w, { stride, padding }),
    );
  }
});

Deno.test("conv2d: two users of one tensor add their gradients, and a run repeats bit for bit", async () => {
  const operands = { x: noise([2, 6, 6, 8], 3), w: noise([3, 3, 8, 8], 4) };
  const build = (tape: Parameters<typeof conv2d>[0], { x, w }: Record<string, never>) =>
    conv2d(tape, conv2d(tape, x, w, { padding: 1 }), w, { padding: 1 });
  await checkGradients(gpu, operands, build as never, { tolerance: 5e-3 });
  const [first, again] = [
    await runOp(gpu, operands, build as never),
    await runOp(gpu, operands, build as never),
  ];
  assert.deepEqual(first, again);
});

Deno.test("conv2d: a filter larger than the padded image is refused with the sizes", async () => {
  const operands = { x: noise([1, 2, 4, 4]), w: noise([5, 3, 4, 4]) };
  await assert.rejects(
    runOp(gpu, operands, (tape, { x, w }) => conv2d(tape, x, w, { padding: 1 })),
    /Cannot append conv2d: a 5x3 filter does not fit into 2x4 pixels/,
  );
});
