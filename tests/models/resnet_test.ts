/** ResNets against PyTorch's: logits, loss and the length of every gradient. */
import assert from "node:assert/strict";
import { type Gpu, openGpu } from "@/gpu/device.ts";
import { crossEntropy } from "@/gpu/ops/cross_entropy.ts";
import { ParameterStore } from "@/gpu/parameters.ts";
import { compile } from "@/gpu/program.ts";
import { Tape } from "@/gpu/tape.ts";
import { classifier } from "@/lib/models/heads.ts";
import { resnet } from "@/lib/models/resnet.ts";
import type { ResnetName } from "@/lib/models/resnet_stages.ts";
import { initialize } from "@/lib/models/initial.ts";
import { describedImages, parameters } from "../support/formula.ts";
import { difference, noise } from "../support/operation.ts";
import { goldenWords, readGoldens } from "../support/safetensors.ts";
import { sharedTest } from "../support/shared.ts";

const gpu = await openGpu();
const CLASSES = 3;

/**
 * How far f32 may be off: one gradient as a whole, the length of one, their lengths on average. Where an
 * input of a ReLU is within rounding of 0, it may fall on the other side than in f64, and gradients move
 * by a thousandth or more, PyTorch's in f32 too: of the files at hand ResNet-18's has no such input. For
 * images of another formula the last row holds: twice what PyTorch's f32 was seen to be off.
 */
const LIMITS = {
  resnet18: { whole: 1e-5, length: 1e-5, mean: 1e-6 },
  resnet50: { whole: 5e-3, length: 1e-3, mean: 3e-4 },
  resnet101: { whole: 1e-2, length: 3e-3, mean: 3e-4 },
  other: { whole: 5e-2, length: 2e-2, mean: 2e-3 },
};

function build(store: ParameterStore, name: ResnetName, batch: number, training: boolean) {
  const tape = new Tape(store, { training });
  const x = tape.input("x", [batch, 64, 64, 4]);
  const logits = classifier(tape, resnet(tape, x, { name }).features, CLASSES);
  if (!training) return { logits, loss: logits, program: compile(tape, { outputs: [logits] }) };
  const loss = crossEntropy(tape, logits, tape.input("labels", [batch], "u32"));
  tape.backward(loss);
  return { logits, loss, program: compile(tape, { outputs: [logits, loss] }) };
}

/** The device as one whose kernels are chosen as on a GPU. */
const likeGpu: Gpu = {
  ...gpu,
  info: { ...gpu.info, software: false },
  features: { ...gpu.features, subgroups: false, subgroupSize: 0 },
};

for (
  const [name, device, how] of [
    ["resnet18", gpu, ""],
    ["resnet18", likeGpu, ", by the kernels for GPUs"],
    ["resnet50", gpu, ""],
    ["resnet101", gpu, ""],
  ] as const
) {
  sharedTest(`${name}: PyTorch's logits, loss and gradients${how}`, [
    `goldens/${name}.safetensors`,
  ], async (file) => {
    const goldens = readGoldens(file);
    const words = goldenWords(file);
    const limits = LIMITS[words.input.includes("unit(i + 7000)") ? name : "other"];
    const batch = goldens.logits_train.shape[0];
    const store = new ParameterStore(device);
    const train = build(store, name, batch, true);
    const evaluate = build(store, name, batch, false);
    initialize(store, 0);
    const last = name === "resnet18" ? /layer.*bn2.weight/ : /layer.*bn3.weight/;
    store.load(parameters([...store.entries.values()], last));
    const input = describedImages(words.input);
    train.program.write("x", input);
    train.program.write("labels", Uint32Array.from({ length: batch }, (_, n) => n % CLASSES));
    train.program.run();
    const [logits, loss] = await train.program.read(train.logits, train.loss);
    assert.ok(difference(logits, goldens.logits_train.data) < 1e-4, "logits in training");
    assert.ok(difference(loss, goldens.loss.data) < 1e-4, "loss");

    const gradients = await store.read(() => true, "gradients");
    const norm = (data: Float32Array) => Math.sqrt(data.reduce((sum, v) => sum + v * v, 0));
    const gaps: { parameter: string; gap: number }[] = [];
    for (const [key, { data }] of Object.entries(goldens)) {
      const [kind, parameter] = [key.split(".")[0], key.slice(key.indexOf(".") + 1)];
      const gradient = gradients.get(parameter)?.data;
      if (kind === "gradnorm") {
        gaps.push({ parameter, gap: Math.abs(norm(gradient!) / data[0] - 1) });
      } else if (kind === "grad") {
        const gap = norm(gradient!.map((v, i) => v - data[i])) / norm(data);
        assert.ok(gap < limits.whole, `d ${parameter} is off by ${gap}`);
      }
    }
    assert.equal(gaps.length, gradients.size, "every gradient is compared");
    assert.deepEqual(gaps.filter(({ gap }) => !(gap < limits.length)), []);
    const mean = gaps.reduce((sum, { gap }) => sum + gap, 0) / gaps.length;
    assert.ok(mean < limits.mean, `gradients are off by ${mean} on average`);

    evaluate.program.write("x", input);
    evaluate.program.run();
    const [tested] = await evaluate.program.read(evaluate.logits);
    assert.ok(difference(tested, goldens.logits_eval.data) < 1e-4, "logits in evaluation");
    train.program.destroy();
    evaluate.program.destroy();
    store.destroy();
  });
}

Deno.test("resnet: an evaluation program keeps no activations, and a batch changes no picture's result", async () => {
  const store = new ParameterStore(gpu);
  const programs = [1, 5, 64].map((batch) => {
    const tape = new Tape(store, { training: false });
    const x = tape.input("x", [batch, 32, 32, 4]);
    const { features } = resnet(tape, x, { name: "resnet50", width: 4, channels: 1 });
    const y = classifier(tape, features, CLASSES);
    return { batch, y, program: compile(tape, { outputs: [y] }) };
  });
  initialize(store, 5);
  const one = noise([32, 32], 1).data;
  const results = [];
  for (const { batch, y, program } of programs) {
    const { values, unshared } = program.plan.bytes;
    assert.ok(values < unshared / 5, "activations take turns in a few buffers");
    const x = new Float32Array(batch * 32 * 32 * 4);
    for (let i = 0; i < batch * 32 * 32; i++) x[i * 4] = one[i % 1024] * (i < 1024 ? 1 : 0.5);
    program.write("x", x);
    program.run();
    results.push((await program.read(y))[0]);
  }
  for (const result of results) assert.deepEqual(result.slice(0, CLASSES), results[0]);
  assert.ok(new Set(results[0]).size === CLASSES && results[0].every(Number.isFinite));
  assert.ok(!("gradients" in store.bytes), "no memory for gradients");
  for (const { program } of programs) program.destroy();
  store.destroy();
});
