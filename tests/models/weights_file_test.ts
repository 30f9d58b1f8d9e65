/** Networks in files from elsewhere: formats, names, what surrounds them. */
import assert from "node:assert/strict";
import { openGpu } from "@/gpu/device.ts";
import { ParameterStore } from "@/gpu/parameters.ts";
import { compile } from "@/gpu/program.ts";
import { Tape } from "@/gpu/tape.ts";
import { InvalidInput } from "@/lib/errors.ts";
import { layersOf } from "@/lib/inference/activations.ts";
import { detect } from "@/lib/models/detect.ts";
import type { WeightTensor } from "@/lib/models/pth.ts";
import { writeSafetensors } from "@/lib/models/safetensors.ts";
import { loadWeights } from "@/lib/models/weights.ts";
import { architectureOf } from "@/lib/models/resnet_architecture.ts";
import { readWeights, readWeightsFile } from "@/lib/models/weights_file.ts";
import { difference } from "../support/operation.ts";
import { resnetWeights } from "../support/weights.ts";
import { withDirectory } from "../support/temporary.ts";

const fixture = (name: string) => Deno.readFile(new URL(`../fixtures/${name}`, import.meta.url));

const renamed = (weights: Map<string, WeightTensor>, name: (name: string) => string) =>
  new Map([...weights].map(([key, weight]) => [name(key), weight]));

/** Names as in nn.Sequential(*list(resnet.children())[:-1]). */
const numbered = (name: string) => {
  const places = { conv1: 0, bn1: 1, layer1: 4, layer2: 5, layer3: 6, layer4: 7 };
  const [first, ...rest] = name.split(".");
  return [places[first as keyof typeof places], ...rest].join(".");
};

// checkpoint_moco.pth: by tests/fixtures/checkpoint_moco.py with PyTorch 1.13
Deno.test("a MoCo checkpoint of PyTorch: the query encoder comes out and computes the same", async () => {
  const { network: weights, architecture } = detect(
    (await readWeightsFile(await fixture("checkpoint_moco.pth"))).tensors,
  );
  assert.deepEqual(architecture, { backbone: "resnet18", width: 4, channels: 3, outputs: 0 });
  const gpu = await openGpu();
  const store = new ParameterStore(gpu);
  const tape = new Tape(store, { training: false });
  const x = tape.input("x", [1, 32, 32, 4]);
  const { features } = layersOf(tape, x, { ...architecture, classes: [] });
  const program = compile(tape, { outputs: [features] });
  loadWeights(store, weights);
  const image = new Float32Array(32 * 32 * 4);
  for (let i = 0; i < 3 * 1024; i++) {
    image[(i % 1024) * 4 + Math.floor(i / 1024)] = Math.sin(i * 0.37);
  }
  program.write("x", image);
  program.run();
  const [ours] = await program.read(features);
  const expected = JSON.parse(new TextDecoder().decode(await fixture("checkpoint_moco.json")));
  assert.ok(difference(ours, expected.features) < 1e-5);
  program.destroy();
  store.destroy();
  gpu.check();
  gpu.device.destroy();
});

Deno.test("wrappers, numbered children, heads and followers around a network are taken off", () => {
  const plain = resnetWeights();
  const own = [...plain.keys()];
  const other = resnetWeights({ seed: 2 });
  const around = (prefix: string) => renamed(plain, (name) => prefix + name);
  const cases: [string, Map<string, WeightTensor>][] = [
    ["plain", plain],
    ["wrapped", around("module.backbone.")],
    [
      "online",
      new Map([...around("online_network."), ...renamed(other, (n) => `target_network.${n}`)]),
    ],
    ["moco", new Map([...renamed(other, (n) => `encoder_k.${n}`), ...around("encoder_q.")])],
    [
      "byol",
      new Map([
        ...renamed(other, (name) => `target_network_state_dict.encoder.${numbered(name)}`),
        ...renamed(plain, (name) => `online_network_state_dict.encoder.${numbered(name)}`),
      ]),
    ],
    ["head", new Map([...plain, ["fc.0.weight", { shape: [2], data: new Float32Array(2) }]])],
    [
      "counters",
      new Map([...plain, ["bn1.num_batches_tracked", { shape: [], data: new Float32Array(1) }]]),
    ],
  ];
  for (const [name, weights] of cases) {
    const { network } = detect(weights);
    assert.deepEqual([...network.keys()], own, name);
    for (const [key, { data }] of network) assert.equal(data, plain.get(key)!.data, name);
  }
  const two = new Map([...around("a."), ...renamed(other, (name) => `b.${name}`)]);
  assert.throws(() => detect(two), /give one of the prefixes "a\.", "b\."/);
  assert.equal(detect(two, "b.").network.get("conv1.weight"), other.get("conv1.weight"));
  assert.throws(() => detect(two, "c."), InvalidInput);
  assert.throws(() => detect(new Map()), /no ResNet is in them/);
});

Deno.test("an architecture is told from whole networks only; what is wrong is named", () => {
  for (const backbone of ["resnet18", "resnet50"] as const) {
    const options = { backbone, width: 8, channels: 1, classes: 5 } as const;
    assert.deepEqual(architectureOf(resnetWeights(options)), {
      ...{ backbone, width: 8, channels: 1, outputs: 5 },
    });
  }
  const refused = (change: (weights: Map<string, WeightTensor>) => void, message: RegExp) => {
    const weights = resnetWeights({ classes: 3 });
    change(weights);
    assert.throws(() => architectureOf(weights), (error) => {
      assert.ok(error instanceof InvalidInput);
      assert.match(error.message, message);
      return true;
    });
  };
  const tensor = (...shape: number[]) => ({ shape, data: new Float32Array(0) });
  refused((w) => w.delete("layer2.1.bn2.bias"), /"layer2.1.bn2.bias".*it is missing/);
  refused((w) => w.set("fc.weight", tensor(3, 30)), /\[3, 32\] expected, got \[3, 30\]/);
  refused((w) => w.set("layer4.0.downsample.0.weight", tensor(32, 16, 3, 3)), /\[32, 16, 1, 1\]/);
  refused((w) => w.set("conv1.weight", tensor(6, 3, 7, 7)), /multiple of 4/);
  refused((w) => w.set("conv1.weight", tensor(4, 2, 7, 7)), /1 or 3 channels/);
  refused((w) => w.set("layer3.2.conv1.weight", tensor(1)), /third stage of 3 blocks/);
});

Deno.test("a format is told by its header, whatever the header's length looks like", async () => {
  // Lengths from 0x50 to 0x80 at least once each: the first byte of other formats.
  const seen = new Set<number>();
  for (let letters = 1; letters <= 256; letters += 4) {
    const name = "x".repeat(letters);
    const file = writeSafetensors(new Map([[name, { shape: [1], data: Float32Array.of(2) }]]));
    seen.add(file[0]);
    assert.deepEqual([...(await readWeightsFile(file)).tensors][0][1].data, Float32Array.of(2));
  }
  assert.ok(seen.has(0x50) && seen.has(0x80));
  for (const bytes of ["", "{", "PK", "no weights at all", "\x80\x02}q."]) {
    await assert.rejects(readWeightsFile(new TextEncoder().encode(bytes)), InvalidInput, bytes);
  }
});

Deno.test("a file is read from its place, and one that cannot be weights is refused by its first bytes", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/weights`;
    for (const name of ["checkpoint.pth", "checkpoint_legacy.pth"]) {
      const bytes = await fixture(name);
      Deno.writeFileSync(path, bytes);
      assert.deepEqual(await readWeights(path), await readWeightsFile(bytes));
    }
    // Of noise no more than its beginning is read: the rest of this file is no more than a hole.
    Deno.writeFileSync(path, new Uint8Array(64).fill(9));
    Deno.truncateSync(path, 8 * 2 ** 30);
    await assert.rejects(readWeights(path), (error) => {
      assert.ok(error instanceof InvalidInput);
      assert.match(error.message, /neither safetensors nor a PyTorch file/);
      return true;
    });
  }));
