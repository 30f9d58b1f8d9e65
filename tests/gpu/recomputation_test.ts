/** Values written again in the backward steps: the same bits in less memory. */
import assert from "node:assert/strict";
import { openGpu } from "@/gpu/device.ts";
import { reflect } from "@/gpu/kernel.ts";
import { batchNorm, declareBatchNorm } from "@/gpu/ops/batch_norm.ts";
import { conv2d } from "@/gpu/ops/conv2d.ts";
import { crossEntropy } from "@/gpu/ops/cross_entropy.ts";
import { sgd } from "@/gpu/optim/sgd.ts";
import { ParameterStore } from "@/gpu/parameters.ts";
import { plan } from "@/gpu/plan.ts";
import { compile } from "@/gpu/program.ts";
import { Tape } from "@/gpu/tape.ts";
import { rootOf, type Tensor } from "@/gpu/tensor.ts";
import { classifier } from "@/lib/models/heads.ts";
import { initialize } from "@/lib/models/initial.ts";
import { resnet } from "@/lib/models/resnet.ts";
import type { ResnetName } from "@/lib/models/resnet_stages.ts";
import { noise } from "../support/operation.ts";

const gpu = await openGpu();
const [N, S] = [4, 32];

function build(name: ResnetName, checkpointing: boolean) {
  const store = new ParameterStore(gpu);
  const tape = new Tape(store, { checkpointing });
  const x = tape.input("x", [N, S, S, 4]);
  const { features } = resnet(tape, x, { name, width: 8, groups: 2 });
  const loss = crossEntropy(
    tape,
    classifier(tape, features, 3),
    tape.constant("labels", Uint32Array.of(0, 1, 2, 1)),
  );
  tape.backward(loss);
  sgd(tape, { loss, momentum: 0.9 });
  tape.record("loss", loss);
  return { store, tape };
}

/** Three steps, the first in two micro-batches. */
async function train(name: ResnetName, checkpointing: boolean) {
  const { store, tape } = build(name, checkpointing);
  const planned = plan(tape, { outputs: [] });
  const program = compile(tape);
  assert.equal(program.bytes.values, planned.bytes.values);
  assert.equal(program.bytes.dedicated, planned.bytes.dedicated);
  initialize(store, 3);
  program.set({ lr: 0.05 });
  for (let run = 0; run < 4; run++) {
    const { data } = noise([N, S, S, 4], run);
    program.write("x", data.map((value, i) => i % 4 === 3 ? 0 : value));
    program.run({ clear: run !== 1, update: run !== 0 });
  }
  const losses = (await program.metrics()).map(({ values }) => values.loss);
  const gradients = await store.read(() => true, "gradients");
  const snapshot = await store.snapshot();
  program.destroy();
  store.destroy();
  return { results: { losses, gradients, snapshot }, bytes: planned.bytes.values };
}

for (const name of ["resnet18", "resnet50"] as const) {
  Deno.test(`${name}: with checkpointing, losses, gradients, weights and statistics are the same bits`, async () => {
    const [kept, again] = [await train(name, false), await train(name, true)];
    assert.deepEqual(again.results, kept.results);
    assert.ok(kept.results.losses.every(Number.isFinite));
    assert.ok(kept.results.gradients.size > 60);
    const most = name === "resnet18" ? 0.85 : 0.6;
    assert.ok(again.bytes < most * kept.bytes, `${again.bytes} of ${kept.bytes} bytes`);
  });
}

/** conv -> norm + ReLU -> conv, whose second weight gradient needs what the first ReLU gave. */
function pair(checkpointing: boolean) {
  const tape = new Tape(new ParameterStore(gpu), { checkpointing });
  const initial = { kind: "constant", value: 0.1 } as const;
  const w = (name: string, C: number) =>
    tape.parameter(name, [1, 1, C, 8], { layout: "conv", initial });
  const first = conv2d(tape, tape.input("x", [2, 4, 4, 4]), w("a", 4));
  const bent = batchNorm(tape, first, declareBatchNorm(tape, "norm", 8), { relu: true });
  const second = conv2d(tape, bent, w("b", 8));
  const rows = tape.reshape(second, [32, 8]);
  const loss = crossEntropy(tape, rows, tape.input("labels", [32], "u32"));
  return { tape, loss, first, bent };
}

/** Places of the launches that bind a tensor. */
function uses(tape: Tape, tensor: Tensor): number[] {
  return tape.steps.flatMap(({ step }, at) =>
    Object.values(step.bind).some((bound) => rootOf(bound) === tensor) ? [at] : []
  );
}

/** Names of the kernels that backward steps launch. */
function backwardKernels({ tape, loss }: ReturnType<typeof pair>): string[] {
  const forward = tape.steps.length;
  tape.backward(loss);
  return tape.steps.slice(forward).map(({ step }) => reflect(step.code).name);
}

Deno.test("tape: a pass is always written again, a convolution only when asked; each of them once", () => {
  const [kept, again] = [pair(false), pair(true)];
  const forward = kept.tape.steps.length;
  const convolution = reflect(kept.tape.steps[0].step.code).name;
  const [usual, longer] = [backwardKernels(kept), backwardKernels(again)];
  const late = (tape: Tape, tensor: Tensor) => uses(tape, tensor).some((at) => at >= forward);
  assert.deepEqual([kept, again].map(({ tape, bent }) => late(tape, bent)), [false, false]);
  assert.deepEqual([kept, again].map(({ tape, first }) => late(tape, first)), [true, false]);
  const count = (names: string[], name: string) => names.filter((one) => one === name).length;
  assert.equal(count(usual, "batch_norm"), 1);
  assert.equal(count(longer, "batch_norm"), 1);
  // The first for the norm's backward, the second for the loss's; data gradients run in that kernel too.
  assert.equal(count(longer, convolution) - count(usual, convolution), 2);
});

Deno.test("plan: bytes are known without a device that allocates, and checkpointing lowers them", () => {
  const [kept, again] = [false, true].map((checkpointing) => {
    const { tape, store } = build("resnet50", checkpointing);
    const { bytes } = plan(tape, { outputs: [] });
    assert.deepEqual(store.bytes, {});
    return bytes;
  });
  assert.ok(again.values < kept.values && again.unshared > kept.unshared);
  assert.equal(again.dedicated, kept.dedicated);
});
