import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { openGpu } from "@/gpu/device.ts";
import { images } from "@/gpu/images.ts";
import { type ArmName, arms as registry } from "@/lib/gaze/arms/mod.ts";
import { type Positives, positives as pairsOf } from "@/lib/gaze/positives.ts";
import { parsePretrain } from "@/lib/specs/pretrain.ts";
import { initialize } from "@/lib/models/initial.ts";
import { encoder } from "@/lib/ssl/encoder.ts";
import { Checkpoints, type State } from "@/lib/training/checkpoint.ts";
import { runTrainingLoop, stepsOf } from "@/lib/training/training_loop.ts";
import { Pretrainer } from "@/lib/training/pretrainer.ts";
import { drawClass } from "../support/classes.ts";
import { type Recorded, recorded } from "../support/context.ts";
import { withDirectory } from "../support/temporary.ts";

const gpu = await openGpu();
const N = 12;
const side = 20;
const data = Uint16Array.from(
  Array.from({ length: N }, (_, i) => [...drawClass(i % 2 === 1, side, i)]).flat(),
  (value) => value * 257,
);
const block = images(gpu, { data, count: N, height: side, width: side, channels: 1 }, { batch: 4 });
const network = {
  backbone: "resnet18" as const,
  width: 8,
  channels: 1 as const,
  image_size: 16,
  normalization: "dataset" as const,
};
const transformer = { ...network, backbone: "vit_tiny_patch16" as const, width: 12 };
type Network = typeof network | typeof transformer;
const configs = {
  byol: { hidden: 16, output: 8 },
  simsiam: { projector: 16, predictor_hidden: 8 },
  moco: { output: 8, queue: 18, split_batch_norm: 2 },
  simclr: { output: 8 },
  vicreg: { projector: 16 },
  barlow_twins: { projector: 16 },
  moco_v3: { hidden: 16, output: 8 },
  dino: { hidden: 16, bottleneck: 8, prototypes: 12 },
};

/** Images of the same class are positive. */
const positives: Positives = {
  matrix: Uint8Array.from({ length: N * N }, (_, at) => +(at % N % 2 === Math.floor(at / N) % 2)),
  n: N,
  cut: null,
  pairs: 30,
};

function specOf(
  method: keyof typeof configs,
  more: Record<string, unknown> = {},
  net: Network = network,
) {
  return {
    ...parsePretrain({
      method,
      config: configs[method],
      dataset: "x",
      arm: "labels",
      batch_size: 4,
      epochs: 4,
      report_every: 1,
      augmentation: { preset: "medical", blur: {} },
      optimizer: { name: "adamw", learning_rate: 0.01 },
      ...more,
    }),
    ...net,
  };
}

function pretrainer(
  spec: ReturnType<typeof specOf>,
  perEpoch: number,
  pairs = positives,
): Pretrainer {
  const made = new Pretrainer(gpu, {
    spec,
    encoder: encoder(spec),
    batch: 4,
    images: block,
    means: new Float32Array(N).fill(0.4),
    normalization: { mean: [0.4], std: [0.2] },
    positives: pairs,
    perEpoch,
  });
  initialize(made.store, spec.seed);
  return made;
}

async function train(
  directory: string,
  method: keyof typeof configs,
  more: Record<string, unknown> & { stopAt?: number; pairs?: Positives; net?: Network } = {},
) {
  const { stopAt, pairs, net, ...changes } = more;
  const spec = specOf(method, changes, net);
  const options = {
    images: N,
    batch: 4,
    accumulate: spec.accumulate,
    tail: "drop" as const,
    epochs: spec.epochs,
    seed: spec.seed,
    reportEvery: 1,
    identity: {},
    checkpoints: new Checkpoints(directory),
  };
  const trainee = pretrainer(spec, stepsOf({ ...options, epochs: 1 }), pairs);
  const context: Recorded = recorded({ checkpoints: directory, stopAt });
  let stopped = false;
  try {
    await runTrainingLoop(context, trainee, options);
  } catch (error) {
    if ((error as Error).name !== "JobStopped") throw error;
    stopped = true;
  }
  const read = await trainee.snapshot();
  const state = await read();
  trainee.destroy();
  return { context, state, stopped };
}

/** A short text per buffer: equal texts, equal bits. */
function digests(state: State): Record<string, string> {
  return Object.fromEntries([...state].map(([name, { data }]) => [
    name,
    createHash("sha256").update(new Uint8Array(data.buffer)).digest("hex").slice(0, 12),
  ]));
}

const runs = [
  ...(Object.keys(configs) as (keyof typeof configs)[]).map((method) => ({ method, net: network })),
  ...(["moco_v3", "dino"] as const).map((method) => ({ method, net: transformer })),
];
for (const { method, net } of runs) {
  const name = net === network ? method : `${method} of ${net.backbone}`;
  Deno.test(`${name}: stopped in mid-epoch and taken up, all state is the same to the bit`, async () => {
    let whole = {};
    await withDirectory(async (directory) => {
      const { context, state } = await train(directory, method, { net });
      whole = digests(state);
      const losses = context.metrics.map(({ values }) => values.loss);
      assert.equal(losses.length, 12);
      assert.ok(losses.every(Number.isFinite), `${losses}`);
      for (const { values } of context.metrics) {
        // MoCo's first step has an empty queue, so nothing to tell apart.
        assert.ok(values.output_spread > 0 && values.gradient_norm >= 0);
      }
    });
    await withDirectory(async (directory) => {
      assert.ok((await train(directory, method, { net, stopAt: 6 })).stopped);
      assert.deepEqual(digests((await train(directory, method, { net })).state), whole);
    });
  });
}

for (const method of Object.keys(configs) as (keyof typeof configs)[]) {
  Deno.test({
    name: `${method} in f16: the same, and every report tells the loss scale and skipped steps`,
    ignore: !gpu.features.f16,
    async fn() {
      const precision = "f16";
      let whole = {};
      await withDirectory(async (directory) => {
        const { context, state } = await train(directory, method, { precision });
        whole = digests(state);
        for (const { values } of context.metrics) {
          assert.ok(values.loss_scale >= 1 && values.skipped >= 0 && values.output_spread > 0);
        }
      });
      await withDirectory(async (directory) => {
        assert.ok((await train(directory, method, { precision, stopAt: 6 })).stopped);
        assert.deepEqual(digests((await train(directory, method, { precision })).state), whole);
      });
    },
  });
}

const arms = ["none", "self", "shuffled", "gaze", "labels"] as const;
const similarity = Float32Array.from({ length: N * N }, (_, at) => {
  const [i, j] = [at % N, Math.floor(at / N)];
  return ((i + j) * 7 + i * j) % 13 / 13;
});

/** The state of each arm after two epochs, and what its steps told. */
async function eachArm(method: keyof typeof configs, more: Record<string, unknown> = {}) {
  const found = new Map<
    ArmName,
    { state: Record<string, string>; told: Record<string, number[]> }
  >();
  for (const arm of arms) {
    await withDirectory(async (directory) => {
      const labels = Array.from({ length: N }, (_, i) => String(i % 2));
      const cut = (place?: Uint32Array) => pairsOf(similarity, { cut: { quantile: 0.3 }, place });
      const pairs = registry[arm].positives({ n: N, seed: 0, labels, patients: labels, cut });
      const given = { arm, similarity: "sim", pairs, epochs: 2, ...more };
      const { context, state } = await train(directory, method, given);
      const told = (name: string) => context.metrics.map(({ values }) => values[name]);
      found.set(arm, {
        state: digests(state),
        told: { rate: told("learning_rate"), pairs: told("pairs"), loss: told("loss") },
      });
    });
  }
  return found;
}

for (const method of Object.keys(configs) as (keyof typeof configs)[]) {
  Deno.test(`${method}: all arms share steps, rates, first weights, data order and draws`, async () => {
    // So small a rate changes no sum: running statistics, kept embeddings and the queue are then those of the
    // first weights, of every batch in its order, and of its draws.
    const optimizer = { name: "sgd", learning_rate: 1e-30, momentum: 0, weight_decay: 0 };
    const all = await eachArm(method, { optimizer, config: { ...configs[method] } });
    const [first, ...others] = all.values();
    assert.equal(first.told.rate.length, 6);
    for (const other of others) {
      assert.deepEqual(other.told.rate, first.told.rate);
      assert.equal(other.state["section statistics"], first.state["section statistics"]);
    }
    assert.notDeepEqual(all.get("gaze")!.told.pairs, all.get("shuffled")!.told.pairs);
    assert.notDeepEqual(all.get("gaze")!.told.loss, first.told.loss);
  });
}

Deno.test("arm self differs from none where there are earlier keys, and only there", async () => {
  for (const method of ["moco", "byol"] as const) {
    const all = await eachArm(method);
    const weights = (arm: ArmName) => all.get(arm)!.state["section values"];
    assert.equal(weights("self") === weights("none"), method === "byol", method);
    assert.equal(new Set(arms.map(weights)).size, method === "byol" ? 4 : 5);
    const { pairs } = all.get("self")!.told;
    assert.equal(pairs.some((count) => count > 0), method === "moco");
    assert.ok(all.get("none")!.told.pairs.every((count) => count === 0));
  }
});

Deno.test("byol: the loss falls", () =>
  withDirectory(async (directory) => {
    const { context } = await train(directory, "byol", { epochs: 10 });
    const losses = context.metrics.map(({ values }) => values.loss);
    const mean = (part: number[]) => part.reduce((sum, value) => sum + value, 0) / part.length;
    assert.ok(mean(losses.slice(-6)) < mean(losses.slice(0, 6)) - 0.5, losses.join(" "));
  }));

Deno.test("gradients of a step's parts add up", async () => {
  // So small a rate changes no weight, so every part sees the same ones.
  const optimizer = { name: "sgd", learning_rate: 1e-30, momentum: 0, weight_decay: 0 };
  const trainee = pretrainer(specOf("byol", { optimizer }), 3);
  const batches = [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]].map((part) =>
    Uint32Array.from(part)
  );
  const gradient = async () =>
    (await trainee.store.read(() => true, "gradients"))
      .get("backbone.layer1.0.conv1.weight")!.data;
  const at = { epoch: 0, step: 0, steps: 9 };
  const sum = new Float32Array((await gradient()).length);
  for (const batch of batches) {
    trainee.run(batch, { ...at, part: 0, parts: 1 });
    (await gradient()).forEach((value, i) => sum[i] += value);
  }
  batches.forEach((batch, part) => trainee.run(batch, { ...at, part, parts: 3 }));
  const together = await gradient();
  const largest = Math.max(...sum.map(Math.abs));
  together.forEach((value, i) => assert.ok(Math.abs(value - sum[i]) < 1e-4 * largest));
  const records = await trainee.recorded();
  assert.deepEqual(records.map((record) => "gradient_norm" in record), [
    true,
    true,
    true,
    false,
    false,
    true,
  ]);
  trainee.destroy();
});

Deno.test("device closes without errors", () => {
  block.destroy();
  gpu.check();
  gpu.device.destroy();
});
