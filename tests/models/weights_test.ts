/** Weights between files and networks, initial distributions, names. */
import assert from "node:assert/strict";
import { openGpu } from "@/gpu/device.ts";
import { ParameterStore } from "@/gpu/parameters.ts";
import { compile } from "@/gpu/program.ts";
import { Tape } from "@/gpu/tape.ts";
import { classifier, head } from "@/lib/models/heads.ts";
import { initialize } from "@/lib/models/initial.ts";
import { resnet } from "@/lib/models/resnet.ts";
import { readSafetensors, writeSafetensors } from "@/lib/models/safetensors.ts";
import { backboneSpecs } from "@/lib/models/specs.ts";
import { loadWeights, saveWeights } from "@/lib/models/weights.ts";
import { byolHeads } from "@/lib/ssl/byol.ts";
import { mocoProjector } from "@/lib/ssl/moco.ts";
import { simclrProjector } from "@/lib/ssl/simclr.ts";
import { simsiamHeads } from "@/lib/ssl/simsiam.ts";
import { difference, noise } from "../support/operation.ts";

const gpu = await openGpu();
const S = 32;

function network(channels: 1 | 3, classes: number) {
  const store = new ParameterStore(gpu);
  const tape = new Tape(store, { training: false });
  const x = tape.input("x", [2, S, S, 4]);
  const options = { name: "resnet18", width: 4, channels, prefix: "net." } as const;
  const { features } = resnet(tape, x, options);
  const y = classifier(tape, features, classes, { prefix: "net." });
  return { store, y, program: compile(tape, { outputs: [y] }) };
}

/** The same grey pictures for a network of one channel or of three. */
function grey(channels: number): Float32Array<ArrayBuffer> {
  const { data } = noise([2, S, S], 1);
  return Float32Array.from(
    { length: 2 * S * S * 4 },
    (_, i) => i % 4 < channels ? data[i >> 2] : 0,
  );
}

Deno.test("weights: a file has torchvision's names and shapes and brings a network back", async () => {
  const first = network(3, 5);
  initialize(first.store, 7);
  const weights = await saveWeights(first.store, { prefix: "net." });
  assert.deepEqual(weights.get("conv1.weight")!.shape, [4, 3, 7, 7]);
  assert.deepEqual(weights.get("layer2.0.downsample.0.weight")!.shape, [8, 4, 1, 1]);
  assert.deepEqual(weights.get("layer4.1.bn2.running_var")!.shape, [32]);
  assert.deepEqual(weights.get("fc.weight")!.shape, [5, 32]);
  const { tensors, metadata } = readSafetensors(writeSafetensors(weights, { classes: "5" }));
  assert.deepEqual(metadata, { classes: "5" });
  const second = network(3, 5);
  const { missing, unused } = loadWeights(second.store, tensors, { prefix: "net." });
  assert.deepEqual([missing, unused], [[], []]);
  const outputs = [];
  for (const { program, y } of [first, second]) {
    program.write("x", grey(3));
    program.run();
    outputs.push(...await program.read(y));
  }
  assert.deepEqual(outputs[1], outputs[0]);
  assert.ok(outputs[0].every(Number.isFinite) && new Set(outputs[0]).size > 5);
  for (const { program, store } of [first, second]) {
    program.destroy();
    store.destroy();
  }
});

Deno.test("weights: grey pictures give the same after one channel became three, or three one", async () => {
  for (const [from, to] of [[3, 1], [1, 3]] as const) {
    const [a, b] = [network(from, 5), network(to, 5)];
    initialize(a.store, 3);
    loadWeights(b.store, await saveWeights(a.store, { prefix: "net." }), { prefix: "net." });
    const outputs = [];
    for (const [{ program, y }, channels] of [[a, from], [b, to]] as const) {
      program.write("x", grey(channels));
      program.run();
      outputs.push(...await program.read(y));
    }
    assert.ok(difference(outputs[1], outputs[0]) < 1e-5);
    for (const { program, store } of [a, b]) {
      program.destroy();
      store.destroy();
    }
  }
});

Deno.test("weights: what is missing or of another shape is named, a new classifier may be", async () => {
  const [a, b] = [network(3, 5), network(3, 2)];
  initialize(a.store, 3);
  initialize(b.store, 4);
  const before = await saveWeights(b.store, { prefix: "net." });
  const weights = await saveWeights(a.store, { prefix: "net." });
  assert.throws(
    () => loadWeights(b.store, weights, { prefix: "net." }),
    /Cannot load "net.fc.weight": shape \[2, 32\] expected, got \[5, 32\]/,
  );
  const optional = (name: string) => name.startsWith("fc.");
  const { missing } = loadWeights(b.store, weights, { prefix: "net.", optional });
  assert.deepEqual(missing, ["fc.weight", "fc.bias"]);
  const after = await saveWeights(b.store, { prefix: "net." });
  assert.deepEqual(after.get("fc.weight"), before.get("fc.weight"));
  assert.deepEqual(after.get("layer1.0.conv1.weight"), weights.get("layer1.0.conv1.weight"));
  weights.delete("bn1.bias");
  assert.throws(
    () => loadWeights(b.store, weights, { prefix: "net.", optional }),
    /Cannot load weights: 1 are missing/,
  );
  for (const { program, store } of [a, b]) {
    program.destroy();
    store.destroy();
  }
});

Deno.test("initial weights: torchvision's distributions, a function of seed and name", async () => {
  const draw = async (seed: number) => {
    const store = new ParameterStore(gpu);
    const tape = new Tape(store);
    resnet(tape, tape.input("x", [2, S, S, 4]), { name: "resnet18" });
    const { projector } = byolHeads({ hidden: backboneSpecs.resnet18.hidden, output: 256 });
    head(tape, tape.input("z", [2, 512]), projector, { prefix: "projector." });
    initialize(store, seed);
    const weights = await store.read();
    store.destroy();
    return weights;
  };
  const [one, again, other] = [await draw(1), await draw(1), await draw(2)];
  assert.deepEqual(again, one);
  const moments = (data: Float32Array) => {
    const mean = data.reduce((sum, v) => sum + v, 0) / data.length;
    const square = data.reduce((sum, v) => sum + (v - mean) ** 2, 0) / data.length;
    return {
      mean,
      std: Math.sqrt(square),
      most: data.reduce((a, b) => Math.max(a, Math.abs(b)), 0),
    };
  };
  for (const name of ["layer1.0.conv1.weight", "layer4.0.downsample.0.weight"]) {
    const { shape: [K, , R, T], data } = one.get(name)!;
    const { mean, std, most } = moments(data);
    const expected = Math.sqrt(2 / (K * R * T));
    assert.ok(Math.abs(std / expected - 1) < 0.02 && Math.abs(mean) < 0.02 * expected, name);
    assert.ok(most > 3.5 * expected && most < 6.5 * expected, name);
    assert.notDeepEqual(other.get(name)!.data, data);
  }
  const { std, most } = moments(one.get("projector.0.weight")!.data);
  assert.ok(Math.abs(std * Math.sqrt(3 * 512) - 1) < 0.01 && most <= 1 / Math.sqrt(512));
  assert.ok(one.get("bn1.weight")!.data.every((v) => v === 1));
  assert.ok(one.get("bn1.running_var")!.data.every((v) => v === 1));
  assert.ok(one.get("bn1.bias")!.data.every((v) => v === 0));
});

Deno.test("heads: the methods' layers under nn.Sequential's names", () => {
  const names = (layers: Parameters<typeof head>[2]) => {
    const store = new ParameterStore(gpu);
    const tape = new Tape(store);
    const y = head(tape, tape.input("x", [4, 32]), layers, { prefix: "" });
    return {
      shape: [...y.shape],
      names: [...store.entries.keys()].filter((n) => !/running/.test(n)),
    };
  };
  const { projector, predictor } = simsiamHeads({ size: 64, hidden: 16 });
  assert.deepEqual(names(projector), {
    shape: [4, 64],
    names: ["0.weight", "1.weight", "1.bias", "3.weight", "4.weight", "4.bias", "6.weight"],
  });
  assert.deepEqual(names(predictor), {
    shape: [4, 64],
    names: ["0.weight", "1.weight", "1.bias", "3.weight", "3.bias"],
  });
  assert.deepEqual(names(mocoProjector({ features: 32, output: 128 })), {
    shape: [4, 128],
    names: ["0.weight", "0.bias", "2.weight", "2.bias"],
  });
  assert.deepEqual(names(simclrProjector({ features: 32, output: 128 })), {
    shape: [4, 128],
    names: ["0.weight", "1.weight", "1.bias", "3.weight", "4.weight", "4.bias"],
  });
  assert.deepEqual(names(byolHeads({ hidden: 24, output: 8 }).predictor), {
    shape: [4, 8],
    names: ["0.weight", "0.bias", "1.weight", "1.bias", "3.weight", "3.bias"],
  });
  assert.deepEqual([backboneSpecs.resnet18.features(64), backboneSpecs.resnet50.features(16)], [
    512,
    512,
  ]);
});
