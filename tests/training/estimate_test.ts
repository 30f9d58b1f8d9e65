import assert from "node:assert/strict";
import { openGpu } from "@/gpu/device.ts";
import { compile } from "@/gpu/program.ts";
import { InvalidInput } from "@/lib/errors.ts";
import { parsePretrain } from "@/lib/specs/pretrain.ts";
import { encoder } from "@/lib/ssl/encoder.ts";
import { assertFits, estimatePretrain } from "@/lib/training/estimate.ts";
import { pretrainTape } from "@/lib/training/pretrainer.ts";

const network = { width: 8, channels: 1, image_size: 32, normalization: "dataset" } as const;
const spec = (more: Record<string, unknown> = {}) => ({
  ...parsePretrain({ dataset: "x", method: "moco", config: { queue: 64 }, batch_size: 8, ...more }),
  ...network,
  backbone: "resnet18" as const,
});

Deno.test("the estimate is what a program allocates", async () => {
  const gpu = await openGpu();
  const estimate = estimatePretrain(gpu, spec(), 100);
  const { tape, store } = pretrainTape(gpu, spec(), encoder(spec()), { batch: 8 });
  const program = compile(tape);
  assert.equal(estimate.activations, program.bytes.values + program.bytes.dedicated);
  const sections = Object.values(store.bytes).reduce((sum, bytes) => sum + bytes, 0);
  assert.ok(Math.abs(estimate.parameters - sections) < 256, `${estimate.parameters} ${sections}`);
  program.destroy();
  store.destroy();
  gpu.device.destroy();
});

Deno.test("an estimate needs no GPU, and grows with what is asked for", () => {
  const device = {
    info: { vendor: "", architecture: "", device: "", description: "", software: false },
    limits: {
      maxStorageBufferBindingSize: 2 ** 27,
      maxComputeWorkgroupStorageSize: 2 ** 15,
      maxComputeInvocationsPerWorkgroup: 256,
    },
    features: { f16: false, timestamps: false, subgroups: false, subgroupSize: 0 },
  };
  const method = { method: "byol", config: {} };
  const small = estimatePretrain(device, spec(method), 100);
  const large = estimatePretrain(device, spec({ ...method, batch_size: 16 }), 100);
  assert.ok(large.activations > 1.2 * small.activations);
  assert.equal(large.parameters, small.parameters);
  assertFits(device, small);
  const least = { limits: { maxStorageBufferBindingSize: small.largest - 1 } };
  assert.throws(() => assertFits(least, small), InvalidInput);
});
