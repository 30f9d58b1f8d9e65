import assert from "node:assert/strict";
import { openGpu } from "@/gpu/device.ts";
import { fromTorch, toTorch } from "@/gpu/weight_layout.ts";
import { linear } from "@/gpu/ops/linear.ts";
import { checkGradients, difference, noise, runOp } from "../../support/operation.ts";
import { readGoldens } from "../../support/safetensors.ts";
import { sharedTest } from "../../support/shared.ts";

const gpu = await openGpu();

sharedTest(
  "linear: PyTorch's values and gradients",
  ["goldens/layers.safetensors"],
  async (file) => {
    const goldens = readGoldens(file);
    const part = (suffix: string) => goldens[`linear.${suffix}`];
    const [K, C] = part("w").shape;
    const laid = { layout: "linear", shape: [C, K], channels: C } as const;
    const w = { shape: [C, K], data: fromTorch(laid, part("w").data) };
    const { y, gradients } = await runOp(
      gpu,
      { x: part("x"), w, b: part("b") },
      (tape, { x, w, b }) => linear(tape, x, w, b),
      part("dy").data,
    );
    assert.ok(difference(y, part("y").data) < 2e-6);
    assert.ok(difference(gradients.x, part("dx").data) < 2e-6);
    assert.ok(difference(toTorch(laid, gradients.w), part("dw").data) < 2e-6);
    assert.ok(difference(gradients.b, part("db").data) < 2e-6);
  },
);

Deno.test("linear: gradients are central differences, at awkward sizes, with and without bias", async () => {
  for (const [N, C, K] of [[1, 1, 1], [5, 3, 2], [7, 67, 71], [13, 4, 130]]) {
    const operands = { x: noise([N, C], 1), w: noise([C, K], 2), b: noise([K], 3) };
    await checkGradients(gpu, operands, (tape, { x, w, b }) => linear(tape, x, w, b));
    const { b: _, ...two } = operands;
    await checkGradients(gpu, two, (tape, { x, w }) => linear(tape, x, w));
  }
});
