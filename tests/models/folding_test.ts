/** Batch norms folded into convolutions: the same logits, fewer launches, never out of date. */
import assert from "node:assert/strict";
import { keyOf, variants } from "@/gpu/convolution/selection.ts";
import { writeBuffer } from "@/gpu/buffer.ts";
import { openGpu } from "@/gpu/device.ts";
import { declareBatchNorm } from "@/gpu/ops/batch_norm.ts";
import { conv2dNorm } from "@/gpu/ops/conv2d_norm.ts";
import { crossEntropy } from "@/gpu/ops/cross_entropy.ts";
import { sgd } from "@/gpu/optim/sgd.ts";
import { ParameterStore } from "@/gpu/parameters.ts";
import { compile } from "@/gpu/program.ts";
import { Tape } from "@/gpu/tape.ts";
import { classifier } from "@/lib/models/heads.ts";
import { initialize } from "@/lib/models/initial.ts";
import { resnet } from "@/lib/models/resnet.ts";
import type { ResnetName } from "@/lib/models/resnet_stages.ts";
import { difference, noise } from "../support/operation.ts";

const gpu = await openGpu();
const S = 32;
const CLASSES = 4;

/** A classifier; on a tape for training its norms use the running statistics as they are. */
function build(store: ParameterStore, name: ResnetName, batch: number, folded: boolean) {
  const tape = new Tape(store, { training: !folded });
  const x = tape.input("x", [batch, S, S, 4]);
  const { features } = resnet(tape, x, { name, width: 8, training: false });
  const logits = classifier(tape, features, CLASSES);
  return { logits, program: compile(tape, { outputs: [logits] }) };
}

/** Weights, scales, shifts and running statistics as training might have left them. */
function fill(store: ParameterStore, seed: number): void {
  initialize(store, seed);
  let at = 0;
  store.load(
    new Map(
      [...store.entries.values()].filter(({ name }) => /bn|downsample\.1/.test(name))
        .map(({ name, shape }) => {
          const { data } = noise(shape, seed + at++);
          const positive = name.endsWith("var") || name.endsWith("weight");
          const values = data.map((value) => positive ? 1 + 0.7 * value : 0.5 * value);
          return [name, { shape: [...shape], data: values }];
        }),
    ),
  );
}

async function logitsOf({ program, logits }: ReturnType<typeof build>, input: Float32Array) {
  program.write("x", Float32Array.from(input));
  program.run();
  return (await program.read(logits))[0];
}

function pictures(batch: number, seed: number): Float32Array {
  return noise([batch, S, S, 4], seed).data.map((value, i) => i % 4 === 3 ? 0 : value);
}

for (const name of ["resnet18", "resnet50", "resnet101"] as const) {
  Deno.test(`${name}: folded, the same logits to 1e-5 for batches of 1 to 64`, async () => {
    const store = new ParameterStore(gpu, { trainable: () => false });
    const batches = name === "resnet18" ? [1, 2, 7, 8, 64] : [1, 8];
    const made = batches.map((batch) => ({
      batch,
      folded: build(store, name, batch, true),
      plain: build(store, name, batch, false),
    }));
    fill(store, 9);
    for (const { batch, folded, plain } of made) {
      const x = pictures(batch, batch);
      const [actual, expected] = [await logitsOf(folded, x), await logitsOf(plain, x)];
      assert.ok(difference(actual, expected) < 1e-5, `batch ${batch}`);
      const norms = folded.program.launches.step.filter(({ kernel }) =>
        kernel.name.startsWith("batch_norm")
      );
      assert.equal(norms.length, 0);
      assert.ok(folded.program.launches.step.length < plain.program.launches.step.length);
      assert.equal(
        folded.program.launches.load.length,
        [...store.entries.keys()].filter((entry) => entry.endsWith("running_var")).length,
      );
    }
    for (const { folded, plain } of made) {
      [folded, plain].forEach(({ program }) => program.destroy());
    }
    store.destroy();
  });
}

Deno.test("folded: follows what is trained, loaded and restored, and folds only then", async () => {
  const store = new ParameterStore(gpu);
  const tape = new Tape(store);
  const x = tape.input("x", [2, S, S, 4]);
  const { features } = resnet(tape, x, { name: "resnet18", width: 8 });
  const labels = tape.constant("labels", Uint32Array.of(0, 3));
  const loss = crossEntropy(tape, classifier(tape, features, CLASSES), labels);
  tape.backward(loss);
  sgd(tape, { loss });
  const train = compile(tape);
  const [folded, plain] = [build(store, "resnet18", 2, true), build(store, "resnet18", 2, false)];
  fill(store, 1);
  const input = pictures(2, 5);
  const seen: Float32Array[] = [];
  const check = async (when: string) => {
    const [actual, expected] = [await logitsOf(folded, input), await logitsOf(plain, input)];
    assert.ok(difference(actual, expected) < 1e-5, when);
    for (const before of seen) assert.ok(difference(actual, before) > 1e-4, `${when}: it differs`);
    seen.push(actual);
  };
  await check("at first");
  const begun = await store.snapshot();
  assert.deepEqual([...begun.keys()].filter((name) => name.startsWith("folded")), []);
  train.write("x", Float32Array.from(input));
  train.set({ lr: 0.1 });
  train.run();
  await check("after a step");
  fill(store, 2);
  await check("after loading");
  seen.length = 0;
  store.restore(begun);
  await check("after restoring");
  const { version } = store;
  const right = await logitsOf(folded, input);
  assert.equal(store.version, version, "evaluation changes nothing");
  writeBuffer(
    gpu,
    store.buffer("folded_values"),
    new Float32Array(store.lengthOf("folded_values")),
  );
  assert.notDeepEqual(
    await logitsOf(folded, input),
    right,
    "nothing has changed: nothing is folded",
  );
  store.changed();
  assert.deepEqual(await logitsOf(folded, input), right);
  for (const { program } of [folded, plain]) program.destroy();
  train.destroy();
  store.destroy();
});

Deno.test("convolution with norm: every variant at awkward sizes, with and without residual and ReLU", async () => {
  const sizes = [
    { N: 3, H: 7, W: 5, C: 4, K: 36, R: 3, stride: 2, padding: 1 },
    { N: 2, H: 5, W: 6, C: 8, K: 12, R: 3, stride: 1, padding: 1 },
    { N: 1, H: 4, W: 4, C: 12, K: 8, R: 1, stride: 1, padding: 0 },
    { N: 2, H: 9, W: 9, C: 4, K: 20, R: 7, stride: 2, padding: 3 },
  ];
  for (const { N, H, W, C, K, R, stride, padding } of sizes) {
    const shape = { N, H, W, C, K, R, S: R, stride, padding };
    for (const [name, variant] of Object.entries(variants.forward)) {
      if (!variant.fits(gpu, shape)) continue;
      const selected = { [keyOf("forward", shape)]: name };
      // Pipelines of large tiles take seconds to make: these are tried with everything only.
      const large = /^(tiled|vectors|winograd) (64|128|64 by 128)$/.test(name);
      const ways = [[true, true], [true, false], [false, true], [false, false]];
      for (const [relu, added] of large ? ways.slice(0, R === 3 ? 1 : 0) : ways) {
        const store = new ParameterStore(gpu);
        const make = (training: boolean) => {
          const tape = new Tape(store, { training, selected });
          const x = tape.input("x", [N, H, W, C]);
          const initial = { kind: "normal", std: 0.3 } as const;
          const w = tape.parameter("w", [R, R, C, K], { layout: "conv", initial });
          const [P, Q] = [H, W].map((side) => Math.floor((side + 2 * padding - R) / stride) + 1);
          const residual = added ? tape.input("residual", [N, P, Q, K]) : undefined;
          const norm = declareBatchNorm(tape, "bn", K);
          const y = conv2dNorm(tape, x, w, norm, {
            convolution: { stride, padding },
            norm: { relu, residual, training: false },
          });
          const program = compile(tape, { outputs: [y] });
          program.write("x", noise([N, H, W, C], 1).data);
          if (residual) program.write("residual", noise(residual.shape, 2).data);
          return { y, program };
        };
        const [folded, plain] = [make(false), make(true)];
        fill(store, 4);
        folded.program.run();
        plain.program.run();
        const [actual] = await folded.program.read(folded.y);
        const [expected] = await plain.program.read(plain.y);
        assert.ok(difference(actual, expected) < 1e-5, `${name}, ReLU ${relu}, residual ${added}`);
        assert.equal(folded.program.launches.load.length, variant.hasEpilogue ? 1 : 0);
        for (const { program } of [folded, plain]) program.destroy();
        store.destroy();
      }
    }
  }
});

Deno.test("tape: one for evaluation has no backward steps", () => {
  const tape = new Tape(new ParameterStore(gpu), { training: false });
  const loss = tape.input("loss", [1]);
  assert.throws(() => tape.backward(loss), /Cannot start backward: this tape is for evaluation/);
});
