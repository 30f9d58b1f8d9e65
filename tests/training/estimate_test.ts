import assert from "node:assert/strict";
import { openGpu } from "@/gpu/device.ts";
import { compile } from "@/gpu/program.ts";
import { InvalidInput } from "@/lib/errors.ts";
import { parsePretrain } from "@/lib/specs/pretrain.ts";
import { encoder } from "@/lib/ssl/encoder.ts";
import { finetune, parseFinetune } from "@/lib/specs/finetune.ts";
import { machineMemory } from "@/lib/machine_memory.ts";
import { assertMemory } from "@/lib/training/image_set.ts";
import { assertFits } from "@/lib/training/assert_fits.ts";
import { estimateFinetune, estimatePretrain } from "@/lib/training/estimate.ts";
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

Deno.test("pictures that do not fit the machine's memory are refused with the numbers", () => {
  const device = (software: boolean) => ({
    info: { vendor: "", architecture: "", device: "", description: "", software },
    limits: {
      maxStorageBufferBindingSize: 2 ** 31,
      maxComputeWorkgroupStorageSize: 2 ** 15,
      maxComputeInvocationsPerWorkgroup: 256,
    },
    features: { f16: false, timestamps: false, subgroups: false, subgroupSize: 0 },
  });
  const method = { method: "simclr", config: {}, batch_size: 2 };
  const large = { ...spec({ ...method, augmentation: "none" }), image_size: 512 };
  const images = 8000;
  const bytes = images * 512 * 512 * 2;
  const gpu = estimatePretrain(device(false), large, images);
  assert.deepEqual([gpu.pictures, gpu.host], [bytes, bytes]);
  // Without a GPU its memory is the machine's.
  const software = estimatePretrain(device(true), large, images);
  assert.equal(software.host, bytes + software.total);
  // What crops are taken from is kept a quarter larger to each side; grey pictures stay grey.
  const crops = { ...large, augmentation: spec({ augmentation: "knee" }).augmentation };
  const coloured = { ...crops, channels: 3 as const };
  assert.equal(estimatePretrain(device(false), crops, images).pictures, bytes * 1.25 ** 2);
  assert.equal(
    estimatePretrain(device(false), coloured, images, { colour: true }).pictures,
    3 * bytes * 1.25 ** 2,
  );
  assert.equal(
    estimatePretrain(device(false), coloured, images, { colour: false }).pictures,
    bytes * 1.25 ** 2,
  );
  const classifier = { ...parseFinetune({ dataset: "x", augmentation: "knee" }), ...network };
  const folds = { images: 100, classes: ["a", "b"] };
  const { share } = finetune.training!;
  const trained = share({ ...classifier });
  assert.equal(
    estimateFinetune(device(false), { ...classifier, backbone: "resnet18" }, folds).pictures,
    Math.ceil(100 * (trained * 40 * 40 + (1 - trained) * 32 * 32)) * 2,
  );

  // Pairs of all images, and features beside them: 64 numbers a picture at width 8.
  const few = { ...large, image_size: 32 };
  const none = estimatePretrain(device(false), few, 5000);
  const arm = (name: "appearance" | "labels") =>
    estimatePretrain(device(false), { ...few, arm: name }, 5000);
  assert.deepEqual([none.pairs, arm("labels").pairs], [0, 0]);
  const pairs = 4 * 5000 ** 2 + 5000 * 64 * 12;
  assert.deepEqual([arm("appearance").pairs, arm("appearance").host - none.host], [pairs, pairs]);
  assert.throws(
    () => assertFits(device(false), arm("appearance"), 2 ** 29),
    /100 MiB for pairs of all images/,
  );

  assertFits(device(false), gpu, 16 * 2 ** 30);
  assert.throws(
    () => assertFits(device(false), gpu, 4 * 2 ** 30),
    (error) =>
      error instanceof InvalidInput && error.problems[0].pointer === "/image_size" &&
      /4512 MiB of the machine.s memory .*4000 MiB for the pictures.*has 4096 MiB/.test(
        error.message,
      ),
  );
  assert.throws(
    () => assertMemory(images, { height: 512, width: 512 }, 1, 2 ** 30),
    /Cannot load 8000 pictures of 512 x 512: they take 4000 MiB of memory, and .* 1024 MiB/,
  );
  assertMemory(images, { height: 512, width: 512 }, 1, 2 ** 32);
  assert.ok(machineMemory() > 2 ** 28);
});
