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
  datasets: {
    byName: (name: string) => ({ id: "ds_1", name, meta: {} }),
    hashed: (row: object) => ({ ...row, digest: "d" }),
  },
  images: { labels: () => new Map([[null, 1]]) },
  similarities: {
    get: (id: string) => ({
      id,
      dataset_id: id === "sim_1" ? "ds_1" : "ds_2",
      dataset_digest: "d",
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

const resolve = async (request: unknown) =>
  await pretrain.resolve!(pretrain.schema.parse(request), store);

async function problems(request: unknown): Promise<string[]> {
  try {
    await resolve(request);
  } catch (error) {
    if (error instanceof InvalidInput) return error.problems.map(({ pointer }) => pointer!);
    throw error;
  }
  return [];
}

Deno.test("the smallest request gets every default, and its resolution parses to itself", async () => {
  const resolved = await resolve({ dataset: "breast" });
  assert.equal(resolved.method, "byol");
  assert.equal(resolved.backbone, "resnet18");
  assert.equal((resolved.config as { momentum: number }).momentum, 0.99);
  const stored = JSON.parse(
    JSON.stringify({ ...resolved, code_version: "1", dataset_digest: "d" }),
  );
  const { code_version: _1, dataset_digest: _2, ...own } = stored;
  assert.deepEqual(JSON.parse(JSON.stringify(parsePretrain(stored))), own);
});

Deno.test("every preset resolves, and what the request gives comes first", async () => {
  for (const preset of Object.keys(presets)) {
    assert.equal((await resolve({ preset, dataset: "breast" })).preset, preset);
  }
  const schedule = { warmup_epochs: 1 };
  const changed = await resolve({
    preset: "inbreast_moco",
    dataset: "breast",
    epochs: 3,
    schedule,
  });
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

const INBREAST = { cut: { threshold: 0.95 }, augmentation: "mammo" };
const HALF = { resnet18: 0, resnet50: 0.5, resnet101: 0 };
const TUFTS = { augmentation: "dental", image_size: [300, 600] };
const KNEE = { cut: { threshold: 0.95 }, augmentation: "knee", epochs: 800, warmup: 10, batch: 32 };
const adamw = (rate: number) => ["adamw", rate, 1e-6, [0.9, 0.95]];

/** Section 8 of the method and the authors' public configurations, value by value. */
const TABLE: Record<string, Record<string, unknown>> = {
  inbreast_byol: {
    ...{ ...INBREAST, method: "byol", optimizer: adamw(2e-5), batch: 32, accumulate: 16 },
    ...{ epochs: 300, warmup: 40, drop: HALF, config: { momentum: 0.99, output: 256 } },
  },
  inbreast_moco: {
    ...{ ...INBREAST, method: "moco", batch: 64, accumulate: 1, epochs: 300, warmup: 10 },
    optimizer: {
      resnet18: ["lars", 4e-3, 1e-2, 0.9],
      resnet50: ["lars", 2e-3, 1e-2, 0.9],
      resnet101: ["lars", 4e-3, 1e-2, 0.9],
    },
    ...{ drop: HALF, config: { queue: 1280, temperature: 0.2, momentum: 0.999 } },
  },
  inbreast_simsiam: {
    ...{ ...INBREAST, method: "simsiam", optimizer: ["sgd", 0.05, 1e-4, 0.9], batch: 32 },
    ...{ accumulate: 1, epochs: 200, warmup: 0, drop: HALF },
    config: { fixed_predictor_rate: true },
  },
  gzpt_byol: {
    ...{ ...INBREAST, method: "byol", optimizer: adamw(2e-5), batch: 32, accumulate: 16 },
    ...{ epochs: 300, warmup: 40, drop: 0.5, config: { momentum: 0.99 } },
  },
  gzpt_simsiam: {
    ...{ ...INBREAST, method: "byol", optimizer: adamw(2e-5), batch: 32, accumulate: 16 },
    ...{ epochs: 200, warmup: 40, drop: 0.5, config: { momentum: 0 } },
  },
  tufts_byol: {
    ...{ ...TUFTS, method: "byol", optimizer: adamw(2e-5), batch: 8, accumulate: 16 },
    ...{ epochs: 300, warmup: 40, cut: { threshold: 0.9 }, drop: 0.5 },
    config: { momentum: 0.99 },
  },
  tufts_moco: {
    ...{ ...TUFTS, method: "moco", optimizer: adamw(4e-5), batch: 32, accumulate: 1 },
    ...{ epochs: 300, warmup: 0, cut: { threshold: 0.7 }, drop: 0 },
    config: { queue: 1280, temperature: 0.2, output: 256 },
  },
  knee_byol: {
    ...{ ...KNEE, method: "byol", optimizer: adamw(8e-4), accumulate: 4, drop: 0.5 },
    config: { momentum: 0.99 },
  },
  knee_moco: {
    ...{ ...KNEE, method: "moco", optimizer: adamw(8e-4), accumulate: 1, drop: 0 },
    config: { queue: 320, temperature: 0.2, output: 256 },
  },
  knee_simsiam: {
    ...{ ...KNEE, method: "byol", optimizer: adamw(8e-4), accumulate: 4, drop: 0 },
    config: { momentum: 0 },
  },
};

/** The value for a backbone, where the table tells them apart. */
function tableValue(value: unknown, backbone: string): unknown {
  const apart = typeof value === "object" && value !== null && Object.hasOwn(value, "resnet50");
  return apart ? (value as Record<string, unknown>)[backbone] : value;
}

Deno.test("every preset is the table's, on every backbone", async () => {
  assert.deepEqual(Object.keys(TABLE).sort(), Object.keys(presets).sort());
  for (const [preset, row] of Object.entries(TABLE)) {
    for (const backbone of ["resnet18", "resnet50", "resnet101"]) {
      const spec = await resolve({ dataset: "x", preset, backbone });
      const { name, learning_rate, weight_decay, ...rest } = spec.optimizer as
        & { name: string; learning_rate: number; weight_decay: number }
        & { betas?: number[]; momentum?: number };
      const found: Record<string, unknown> = {
        method: spec.method,
        optimizer: [name, learning_rate, weight_decay, rest.betas ?? rest.momentum],
        ...{ batch: spec.batch_size, accumulate: spec.accumulate, epochs: spec.epochs },
        ...{ warmup: spec.schedule.warmup_epochs, cut: spec.cut, drop: spec.drop },
        config: spec.config,
        augmentation: spec.augmentation,
        image_size: spec.image_size,
      };
      for (const [field, value] of Object.entries(found)) {
        let wanted = tableValue(row[field], backbone);
        if (field === "augmentation") wanted = augmentations[wanted as string];
        if (field === "image_size") wanted ??= 224;
        if (field === "config") wanted = { ...value as object, ...wanted as object };
        assert.deepEqual(value, wanted, `${preset} ${backbone}: ${field}`);
      }
      assert.equal(spec.schedule.kind, "cosine");
      const { code_version: _, ...stored } = JSON.parse(JSON.stringify(spec));
      assert.deepEqual(JSON.parse(JSON.stringify(parsePretrain(stored))), stored);
    }
  }
  const smaller = parsePretrain({ dataset: "x", preset: "tufts_moco", image_size: [150, 300] });
  assert.deepEqual(smaller.image_size, [150, 300]);
});

Deno.test("a preset follows the backbone of the model that training starts from", async () => {
  const { drop, optimizer } = await resolve({
    dataset: "x",
    preset: "inbreast_moco",
    init: "imagenet",
  });
  assert.deepEqual([drop, optimizer.learning_rate], [0.5, 2e-3]);
  const given = await resolve({
    dataset: "x",
    preset: "inbreast_moco",
    init: "imagenet",
    drop: 0.1,
  });
  assert.equal(given.drop, 0.1);
});

Deno.test("the authors' SimSiam that is BYOL is not trained as SimSiam", async () => {
  for (const preset of ["knee_simsiam", "gzpt_simsiam"]) {
    assert.deepEqual(await problems({ dataset: "x", preset, method: "simsiam" }), ["/preset"]);
    assert.deepEqual(await problems({ dataset: "x", preset, method: "byol" }), []);
  }
  assert.equal(
    (await resolve({ dataset: "x", preset: "inbreast_simsiam", method: "simsiam" })).method,
    "simsiam",
  );
});

Deno.test("fine-tuning without further words is the authors' downstream setting", () => {
  const { optimizer, schedule, ...spec } = parseFinetune({ dataset: "x" });
  assert.deepEqual(
    [optimizer.name, optimizer.learning_rate, optimizer.weight_decay],
    ["adam", 1e-3, 1e-5],
  );
  assert.deepEqual([spec.batch_size, spec.epochs, spec.early_stop], [16, 30, 20]);
  assert.deepEqual(schedule, { kind: "cosine", warmup_epochs: 0 });
});

Deno.test("a model to start from decides the network; contradictions are refused", async () => {
  const resolved = await resolve({ dataset: "breast", init: "imagenet", image_size: 32 });
  assert.deepEqual(
    [resolved.backbone, resolved.width, resolved.channels, resolved.image_size, resolved.init],
    ["resnet50", 16, 1, 32, "mod_1"],
  );
  assert.equal(resolved.normalization, "model");
  assert.deepEqual(await problems({ dataset: "breast", init: "imagenet", width: 64 }), ["/width"]);
  assert.deepEqual(await problems({ dataset: "breast", normalization: "model" }), [
    "/normalization",
  ]);
  // What a backbone comes in is its own matter: a ResNet's width is a multiple of 4.
  for (const width of [2, 6, 132]) {
    assert.deepEqual(await problems({ dataset: "breast", width }), ["/width"], `${width}`);
  }
  assert.equal(
    (await resolve({ dataset: "breast", width: 128, backbone: "resnet101" })).width,
    128,
  );
  await assert.rejects(async () => await resolve({ dataset: "breast", init: "nothing" }), NotFound);
});

Deno.test("what cannot work is named by its pointer", async () => {
  assert.deepEqual(await problems({ dataset: "breast", arm: "gaze" }), ["/similarity"]);
  assert.deepEqual(await problems({ dataset: "breast", arm: "gaze", similarity: "sim_1" }), []);
  const other = { dataset: "breast", arm: "gaze", similarity: "sim_2" };
  assert.deepEqual(await problems(other), ["/similarity"]);
  const part = { dataset: "breast", arm: "gaze", similarity: "sim_1", component: "x" };
  await assert.rejects(async () => await resolve(part), /Cannot find component "x"/);
  await assert.rejects(
    async () => await resolve({ dataset: "breast", arm: "labels" }),
    /no image of "breast" has one/,
  );
  assert.deepEqual(await problems({ dataset: "breast", config: { queue: 10 } }), ["/config"]);
  assert.deepEqual(await problems({ dataset: "breast", config: { momentum: 2 } }), [
    "/config/momentum",
  ]);
  assert.deepEqual(
    await problems({ dataset: "breast", epochs: 1, schedule: { warmup_epochs: 2 } }),
    ["/schedule/warmup_epochs"],
  );
  assert.equal(pretrain.schema.safeParse({ dataset: "breast", epoch: 1 }).success, false);
});

Deno.test("the request schema can be written as JSON Schema", () => {
  const { properties } = z.toJSONSchema(pretrain.schema, { io: "input" });
  assert.ok(Object.keys(properties!).includes("arm"));
});

Deno.test("VICReg without any weight is refused: there would be nothing to train by", () => {
  const config = { invariance_weight: 0, variance_weight: 0, covariance_weight: 0 };
  const request = { ...{ dataset: "breast", method: "vicreg", arm: "none" }, config };
  // The last are 0 in single precision, and so is a loss by them.
  for (const weight of [0, 1e-320, 1e-40]) {
    const small = { ...config, variance_weight: weight, covariance_weight: weight };
    assert.throws(() => parsePretrain({ ...request, config: small }), (error) => {
      assert.ok(error instanceof InvalidInput);
      assert.match(error.problems[0].message, /All three weights are 0, or so near it/);
      assert.equal(error.problems[0].pointer, "/config/invariance_weight");
      return true;
    });
  }
  assert.ok(parsePretrain({ ...request, config: { ...config, variance_weight: 1 } }));
});
