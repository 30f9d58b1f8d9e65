/** What `deno task bench` measures. */
import assert from "node:assert/strict";
import { convolutions, layersOf, shapeText, trainingStep, workOf } from "@/bench/shapes.ts";
import { passOf, usesOf } from "@/bench/variants.ts";
import { matrixShape } from "@/gpu/convolution/shape.ts";

Deno.test("bench shapes: ResNet-18 and ResNet-50 have 20 and 53 convolutions, 29 distinct ones", () => {
  assert.equal(layersOf("resnet18", { batch: 2, pixels: 224 }).length, 20);
  assert.equal(layersOf("resnet50", { batch: 2, pixels: 224 }).length, 53);
  assert.equal(convolutions(64).length, 29);
  const last = layersOf("resnet50", { batch: 2, pixels: 224 }).at(-1)!;
  assert.deepEqual([last.N, last.H, last.C, last.K], [2, 7, 512, 2048]);
});

Deno.test("bench shapes: work of a step is three times that of the forward pass, but for the stem", () => {
  // He et al. 2016, table 1: 1.8e9 and 3.8e9 multiplications (4.1e9 with the stride in the 3x3 convolutions).
  const passes = (network: "resnet18" | "resnet50") =>
    workOf(trainingStep(network, 1, 224)) / 2 / 3e9;
  assert.ok(Math.abs(passes("resnet18") - 1.8) < 0.1);
  assert.ok(Math.abs(passes("resnet50") - 4.05) < 0.1);
  assert.equal(workOf({ op: "matmul", shape: matrixShape(4, 5, 6) }), 240);
});

Deno.test("bench shapes: names of rows, and the passes that they consist of", () => {
  const step = trainingStep("resnet18", 16, 64);
  assert.deepEqual([step.op, shapeText(step)], ["resnet18_step", "16x64x64x3"]);
  assert.equal(shapeText({ op: "matmul", shape: matrixShape(256, 256, 256) }), "256");
  const [stem] = convolutions(64);
  assert.equal(shapeText({ op: "conv_forward", shape: stem }), "8x64x64x3 7x7x64 /2+3");
  assert.deepEqual(usesOf({ op: "conv_weight_gradient", shape: stem }), [
    { pass: "backward_weight", precision: "f32", shape: { ...stem, C: 4 } },
  ]);
  // The images have no gradient.
  assert.equal(usesOf(step).length, 3 * 20 - 1);
  assert.deepEqual(
    (["matmul", "conv_forward", "conv_data_gradient", "conv_weight_gradient"] as const).map(passOf),
    ["forward", "forward", "backward_data", "backward_weight"],
  );
});
