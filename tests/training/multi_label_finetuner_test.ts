/** A multi-label classifier in training: it learns each finding, what is not known moves nothing, maps follow gaze. */
import assert from "node:assert/strict";
import { openGpu } from "@/gpu/device.ts";
import { images } from "@/gpu/images.ts";
import type { Truth } from "@/lib/evaluation/scores.ts";
import { initialize } from "@/lib/models/initial.ts";
import { uniform } from "@/lib/random.ts";
import { parseFinetune } from "@/lib/specs/finetune.ts";
import { Finetuner } from "@/lib/training/finetuner.ts";
import { difference } from "../support/operation.ts";

const gpu = await openGpu();
const [N, S] = [12, 64];
const classes = ["left", "right"];
const network = {
  backbone: "resnet18" as const,
  width: 8,
  channels: 1 as const,
  image_size: S,
  normalization: "dataset" as const,
};
const truths: Truth[][] = Array.from(
  { length: N },
  (_, i) => [i % 2 as 0 | 1, i % 3 === 0 ? 1 : 0],
);

/** Bright on the left, on the right, both or neither. */
function pixels(): Uint16Array<ArrayBuffer> {
  return Uint16Array.from({ length: N * S * S }, (_, at) => {
    const [i, x] = [Math.floor(at / (S * S)), at % S];
    const lit = x < S / 2 ? truths[i][0] : truths[i][1];
    return 65535 * (0.2 + 0.3 * uniform(3, at) + (lit ? 0.4 : 0));
  });
}

interface Options {
  truth?: Truth[][];
  weights?: number[];
  spec?: Record<string, unknown>;
  attention?: (Float32Array | undefined)[];
}

async function trained(
  steps: number,
  { truth = truths, weights = [1, 1], spec, attention }: Options,
) {
  const block = images(gpu, { data: pixels(), count: N, height: S, width: S, channels: 1 }, {
    batch: N,
  });
  const trainee = new Finetuner(gpu, {
    spec: {
      ...parseFinetune({
        ...{ dataset: "x", batch_size: N, augmentation: "none" },
        optimizer: { name: "adamw", learning_rate: 3e-3 },
        ...spec,
      }),
      ...network,
    },
    ...{ batch: N, images: block, seed: 0, perEpoch: 1, truth: { truths: truth }, weights },
    model: {
      ...{ ...network, classes, multi_label: true },
      normalization: { mean: [0.5], std: [0.3] },
    },
    means: new Float32Array(N).fill(0.5),
    ...(attention && { attention }),
  });
  initialize(trainee.store, 1);
  for (let step = 0; step < steps; step++) {
    trainee.run(Uint32Array.from({ length: N }, (_, i) => i), {
      ...{ epoch: step, step, steps, part: 0, parts: 1 },
    });
  }
  const metrics = await trainee.recorded();
  const weight =
    (await trainee.store.read(({ name }) => name === "fc.weight")).get("fc.weight")!.data;
  trainee.destroy();
  block.destroy();
  return { losses: metrics.map(({ loss }) => loss), metrics, weight };
}

Deno.test("a sigmoid of each finding learns both, from the loss of a coin", async () => {
  const { losses } = await trained(30, {});
  assert.ok(Math.abs(losses[0] - Math.log(2)) < 0.2, `${losses[0]}`);
  assert.ok(losses.at(-1)! < 0.1 * losses[0], `${losses[0]} to ${losses.at(-1)}`);
});

Deno.test("a finding that is not known of any image keeps its weights, the other learns alike", async () => {
  const half = truths.map(([left]): Truth[] => [left, null]);
  const other = truths.map(([left]): Truth[] => [left, null]);
  const plain = { optimizer: { name: "sgd", learning_rate: 0.05, weight_decay: 0 } };
  const [some, same, all] = [
    await trained(3, { truth: half, spec: plain }),
    await trained(3, { truth: other, weights: [1, 7], spec: plain }),
    await trained(0, { truth: half, spec: plain }),
  ];
  assert.deepEqual(some.losses, same.losses);
  // [K, F]
  const right = (weight: Float32Array) => weight.subarray(weight.length / 2);
  const left = (weight: Float32Array) => weight.subarray(0, weight.length / 2);
  assert.deepEqual(right(some.weight), right(all.weight));
  assert.ok(difference(left(some.weight), left(all.weight)) > 1e-3);
});

Deno.test("the weight of what is present multiplies its loss", async () => {
  const present = truths.map((): Truth[] => [1, 1]);
  const [once, thrice] = [
    await trained(1, { truth: present }),
    await trained(1, { truth: present, weights: [3, 3] }),
  ];
  assert.ok(Math.abs(thrice.losses[0] - 3 * once.losses[0]) < 1e-5 * thrice.losses[0]);
});

Deno.test("attention: the mean map of an image's findings follows the gaze; without a finding there is none", async () => {
  const attention = Array.from({ length: N }, () => Float32Array.of(0.2, 0.2, 1));
  const supervised = { attention: { weight: 3, map: "class", sigma: 0.6 } };
  const told = await trained(24, { attention, spec: supervised });
  const of = ({ metrics }: typeof told) =>
    metrics.map(({ attention_divergence }) => attention_divergence);
  assert.ok(of(told).at(-1)! < 0.3 * of(told)[0], `${of(told)[0]} to ${of(told).at(-1)}`);
  const none = truths.map((): Truth[] => [0, null]);
  const untold = await trained(2, { truth: none, attention, spec: supervised });
  assert.deepEqual(of(untold).map((value) => Math.abs(value)), [0, 0]);
});

Deno.test({
  name: "in f16 the first loss and the map's divergence are those of f32",
  ignore: !gpu.features.f16,
  async fn() {
    const attention = Array.from({ length: N }, () => Float32Array.of(0.2, 0.2, 1));
    const spec = { attention: { weight: 1, map: "class", sigma: 0.6 } };
    const [wide, narrow] = [
      await trained(1, { attention, spec }),
      await trained(1, { attention, spec: { ...spec, precision: "f16" } }),
    ];
    assert.ok(Math.abs(wide.losses[0] - narrow.losses[0]) < 5e-3 * wide.losses[0]);
  },
});

Deno.test("device closes without errors", () => {
  gpu.check();
  gpu.device.destroy();
});
