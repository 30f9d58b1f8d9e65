import assert from "node:assert/strict";
import type { MocoConfig } from "@/lib/ssl/moco_spec.ts";
import type { SimclrConfig } from "@/lib/ssl/simclr_spec.ts";
import { z } from "zod";
import { InvalidInput, NotFound } from "@/lib/errors.ts";
import { parseFinetune } from "@/lib/specs/finetune.ts";
import { parsePretrain, pretrain } from "@/lib/specs/pretrain.ts";
import { presets } from "@/lib/specs/preset.ts";
import { augmentations } from "@/lib/specs/augmentation.ts";
import type { Store } from "@/lib/store/mod.ts";

const spec = { backbone: "resnet50", width: 16, channels: 1, image_size: 64, classes: [] };
const store = {
  datasets: { byName: (name: string) => ({ id: "ds_1", name }) },
  images: { all: () => [{ label: null }] },
  similarities: {
    get: (id: string) => ({
      id,
      dataset_id: id === "sim_1" ? "ds_1" : "ds_2",
      components: ["score"],
      images: [],
      layout: { kind: "matrix" },
      histogram: {},
    }),
  },
  models: {
    resolve(name: string) {
      if (name !== "imagenet") throw new NotFound(`Cannot find model "${name}"`);
      return { id: "mod_1", spec };
    },
  },
} as unknown as Store;

const resolve = (request: unknown) => pretrain.resolve!(pretrain.schema.parse(request), store);

function problems(request: unknown): string[] {
  try {
    resolve(request);
  } catch (error) {
    if (error instanceof InvalidInput) return error.problems.map(({ pointer }) => pointer!);
    throw error;
  }
  return [];
}

Deno.test("the smallest request gets every default, and its resolution parses to itself", () => {
  const resolved = resolve({ dataset: "breast" });
  assert.equal(resolved.method, "byol");
  assert.equal(resolved.backbone, "resnet18");
  assert.equal((resolved.config as { momentum: number }).momentum, 0.99);
  const stored = JSON.parse(
    JSON.stringify({ ...resolved, code_version: "1", dataset_digest: "d" }),
  );
  const { code_version: _1, dataset_digest: _2, ...own } = stored;
  assert.deepEqual(JSON.parse(JSON.stringify(parsePretrain(stored))), own);
});

Deno.test("every preset resolves, and what the request gives comes first", () => {
  for (const preset of Object.keys(presets)) {
    assert.equal(resolve({ preset, dataset: "breast" }).preset, preset);
  }
  const schedule = { warmup_epochs: 1 };
  const changed = resolve({ preset: "inbreast_moco", dataset: "breast", epochs: 3, schedule });
  assert.equal(changed.epochs, 3);
  assert.equal(changed.method, "moco");
  assert.equal((changed.optimizer as { name: string }).name, "lars");
});

Deno.test("a preset's settings of the same method, optimiser and schedule complete those given", () => {
  const parsed = (preset: string, given: Record<string, unknown>) =>
    parsePretrain({ preset, dataset: "x", ...given });
  const queue = parsed("knee_moco", { config: { stale_keys: "negative" } }).config as MocoConfig;
  assert.deepEqual([queue.queue, queue.stale_keys], [320, "negative"]);
  const other = parsed("knee_moco", { method: "simclr" }).config as SimclrConfig;
  assert.equal(other.temperature, 0.1);
  const slower = { optimizer: { name: "lars", learning_rate: 1e-3 } };
  const { optimizer } = parsed("inbreast_moco", slower);
  assert.deepEqual([optimizer.learning_rate, optimizer.weight_decay], [1e-3, 1e-2]);
  const sgd = parsed("inbreast_moco", { optimizer: { name: "sgd" } }).optimizer;
  assert.deepEqual([sgd.name, sgd.weight_decay], ["sgd", 1e-4]);
  const { schedule } = parsed("inbreast_byol", { schedule: { kind: "constant" } });
  assert.deepEqual(schedule, { kind: "constant", warmup_epochs: 40 });
});

Deno.test("arm self takes MoCo's earlier keys of an image as positive; other methods have none", () => {
  const config = (given: Record<string, unknown>) =>
    parsePretrain({ dataset: "x", ...given }).config as MocoConfig;
  assert.equal(config({ method: "moco" }).stale_keys, "mask");
  assert.equal(config({ method: "moco", arm: "self" }).stale_keys, "positive");
  const negative = { method: "moco", config: { stale_keys: "negative" } };
  assert.equal(config({ ...negative, arm: "self" }).stale_keys, "positive");
  assert.equal(config(negative).stale_keys, "negative");
  for (const method of ["byol", "simsiam", "simclr"]) {
    assert.deepEqual(config({ method, arm: "self" }), config({ method }));
  }
});

Deno.test("the authors' presets are their published settings", () => {
  const adamw = (learning_rate: number) => ({
    name: "adamw",
    learning_rate,
    betas: [0.9, 0.95],
    weight_decay: 1e-6,
    clip_norm: null,
  });
  const lars = {
    ...{ name: "lars", learning_rate: 2e-3, momentum: 0.9, weight_decay: 1e-2 },
    clip_norm: null,
  };
  // Method, optimiser, batch, accumulated, epochs, warm-up; other settings where they are told.
  const published = {
    inbreast_byol: ["byol", adamw(2e-5), 32, 16, 300, 40],
    inbreast_moco: ["moco", lars, 64, 1, 300, 10, { queue: 1280, temperature: 0.2 }],
    inbreast_simsiam: ["simsiam", "sgd 0.05", 32, 1, 200, 0, { fixed_predictor_rate: true }],
    tufts_byol: ["byol", adamw(2e-5), 8, 16, 300, 40],
    tufts_moco: ["moco", adamw(4e-5), 32, 1, 300, 0, { queue: 1280, temperature: 0.2 }],
    knee_byol: ["byol", adamw(8e-4), 32, 4, 800, 0],
    knee_moco: ["moco", "adamw 0.001", 32, 1, 800, 0, { queue: 320, temperature: 0.2 }],
    knee_simsiam: ["simsiam", "sgd 0.05", 32, 1, 800, 0, { fixed_predictor_rate: true }],
  };
  assert.deepEqual(Object.keys(published).sort(), Object.keys(presets).sort());
  for (const [preset, [method, optimizer, ...counts]] of Object.entries(published)) {
    const spec = parsePretrain({ dataset: "x", preset });
    assert.equal(spec.method, method, preset);
    const { name, learning_rate } = spec.optimizer;
    const told = typeof optimizer === "string" ? `${name} ${learning_rate}` : spec.optimizer;
    assert.deepEqual(told, optimizer, preset);
    const config = counts[4] as unknown as Record<string, unknown> ?? {};
    assert.deepEqual(
      [spec.batch_size, spec.accumulate, spec.epochs, spec.schedule.warmup_epochs],
      counts.slice(0, 4),
      preset,
    );
    assert.deepEqual({ ...spec.config, ...config }, spec.config, preset);
    const looks = { inbreast: "mammo", tufts: "dental", knee: "knee" }[preset.split("_")[0]]!;
    assert.deepEqual(spec.augmentation, augmentations[looks], preset);
  }
  const tufts = parsePretrain({ dataset: "x", preset: "tufts_byol" });
  assert.deepEqual([tufts.cut, tufts.drop], [{ threshold: 0.9 }, 0.5]);
  assert.deepEqual(tufts.image_size, [300, 600]);
  const smaller = parsePretrain({ dataset: "x", preset: "tufts_moco", image_size: [150, 300] });
  assert.deepEqual(smaller.image_size, [150, 300]);
  const downstream = parseFinetune({ dataset: "x" });
  assert.deepEqual(
    [downstream.optimizer.name, downstream.optimizer.learning_rate, downstream.batch_size],
    ["adam", 1e-3, 16],
  );
  assert.deepEqual(
    [downstream.optimizer.weight_decay, downstream.epochs, downstream.early_stop],
    [1e-5, 30, 20],
  );
  assert.equal(downstream.schedule.kind, "cosine");
});

Deno.test("a model to start from decides the network; contradictions are refused", () => {
  const resolved = resolve({ dataset: "breast", init: "imagenet", image_size: 32 });
  assert.deepEqual(
    [resolved.backbone, resolved.width, resolved.channels, resolved.image_size, resolved.init],
    ["resnet50", 16, 1, 32, "mod_1"],
  );
  assert.equal(resolved.normalization, "model");
  assert.deepEqual(problems({ dataset: "breast", init: "imagenet", width: 64 }), ["/width"]);
  assert.deepEqual(problems({ dataset: "breast", normalization: "model" }), ["/normalization"]);
  // What a backbone comes in is its own matter: a ResNet's width is a multiple of 4.
  for (const width of [2, 6, 132]) {
    assert.deepEqual(problems({ dataset: "breast", width }), ["/width"], `${width}`);
  }
  assert.equal(resolve({ dataset: "breast", width: 128, backbone: "resnet101" }).width, 128);
  assert.throws(() => resolve({ dataset: "breast", init: "nothing" }), NotFound);
});

Deno.test("what cannot work is named by its pointer", () => {
  assert.deepEqual(problems({ dataset: "breast", arm: "gaze" }), ["/similarity"]);
  assert.deepEqual(problems({ dataset: "breast", arm: "gaze", similarity: "sim_1" }), []);
  const other = { dataset: "breast", arm: "gaze", similarity: "sim_2" };
  assert.deepEqual(problems(other), ["/similarity"]);
  const part = { dataset: "breast", arm: "gaze", similarity: "sim_1", component: "x" };
  assert.throws(() => resolve(part), /Cannot find component "x"/);
  assert.throws(
    () => resolve({ dataset: "breast", arm: "labels" }),
    /no image of "breast" has one/,
  );
  assert.deepEqual(problems({ dataset: "breast", config: { queue: 10 } }), ["/config"]);
  assert.deepEqual(problems({ dataset: "breast", config: { momentum: 2 } }), ["/config/momentum"]);
  assert.deepEqual(
    problems({ dataset: "breast", epochs: 1, schedule: { warmup_epochs: 2 } }),
    ["/schedule/warmup_epochs"],
  );
  assert.equal(pretrain.schema.safeParse({ dataset: "breast", epoch: 1 }).success, false);
});

Deno.test("the request schema can be written as JSON Schema", () => {
  const { properties } = z.toJSONSchema(pretrain.schema, { io: "input" });
  assert.ok(Object.keys(properties!).includes("arm"));
});
