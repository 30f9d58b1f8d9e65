/** ONNX files, run by ONNX Runtime beside our own programs. */
import assert from "node:assert/strict";
import { openGpu } from "@/gpu/device.ts";
import { ParameterStore } from "@/gpu/parameters.ts";
import { compile } from "@/gpu/program.ts";
import { Tape } from "@/gpu/tape.ts";
import { layersOf } from "@/lib/inference/activations.ts";
import { writeResnetOnnx } from "@/lib/models/resnet_onnx.ts";
import { loadWeights } from "@/lib/models/weights.ts";
import { noise } from "../support/operation.ts";
import { hasOnnxRuntime, runOnnx } from "../support/onnx_runtime.ts";
import { resnetWeights } from "../support/weights.ts";

const gpu = await openGpu();
const there = hasOnnxRuntime();
const [N, H, W] = [2, 64, 96];
const normalization = { mean: [0.5], std: [0.25] };

for (
  const [backbone, channels, classes] of [
    ["resnet18", 3, ["a", "b", "c"]],
    ["resnet50", 1, ["benign", "malignant"]],
    ["resnet18", 1, []],
  ] as const
) {
  const output = classes.length > 0 ? "logits" : "features";
  const name = `ONNX: ${backbone} of ${channels} channels gives the same ${output}`;
  const skipped = there ? "" : " (skipped: onnxruntime-node cannot be fetched)";
  Deno.test({
    name: name + skipped,
    ignore: !there,
    fn: async () => {
      const weights = resnetWeights({ backbone, width: 8, channels, classes: classes.length });
      const network = { backbone, width: 8, channels, classes: [...classes] };
      const store = new ParameterStore(gpu);
      const tape = new Tape(store, { training: false });
      const tensor = layersOf(tape, tape.input("x", [N, H, W, 4]), network)[output]!;
      const program = compile(tape, { outputs: [tensor] });
      loadWeights(store, weights);
      const planes = noise([N, channels, H, W], 3).data;
      const x = new Float32Array(N * H * W * 4);
      planes.forEach((value, i) => {
        const [n, c, at] = [
          Math.floor(i / (channels * H * W)),
          Math.floor(i / (H * W)) % channels,
          i % (H * W),
        ];
        x[(n * H * W + at) * 4 + c] = value;
      });
      program.write("x", x);
      program.run();
      const [ours] = await program.read(tensor);
      program.destroy();
      store.destroy();

      const file = writeResnetOnnx({ ...network, image_size: [H, W], normalization }, weights);
      const { data: theirs, ...rest } = await runOnnx(file, planes, [N, channels, H, W]);
      assert.deepEqual(rest, { name: output, shape: [N, tensor.shape[1]] });
      assert.ok(Math.max(...theirs) > 0.01);
      theirs.forEach((value, i) =>
        assert.ok(Math.abs(value - ours[i]) < 1e-4, `${ours[i]}, ${value} expected`)
      );
    },
  });
}

Deno.test("device closes without errors", () => {
  gpu.check();
  gpu.device.destroy();
});
