import assert from "node:assert/strict";
import { openGpu } from "@/gpu/device.ts";
import { compile } from "@/gpu/program.ts";
import { initialize } from "@/lib/models/initial.ts";
import { parseFinetune } from "@/lib/specs/finetune.ts";
import { finetuneTape } from "@/lib/training/finetuner.ts";
import { noise } from "../support/operation.ts";

const S = 32;
const classes = ["a", "b", "c"];
const network = {
  backbone: "resnet18" as const,
  width: 8,
  channels: 3 as const,
  image_size: S,
  normalization: "dataset" as const,
};

/** Weights after one step over the same eight images, in `parts` batches. */
async function stepIn(parts: number, batch_norm: "train" | "frozen", lr = 0.1, clip_norm?: number) {
  const gpu = await openGpu();
  const optimizing = { name: "sgd", weight_decay: 0, clip_norm };
  const spec = {
    ...parseFinetune({ dataset: "x", init: "mod_1", batch_norm, optimizer: optimizing }),
    ...network,
  };
  const batch = 8 / parts;
  const { tape, store, optimizer } = finetuneTape(gpu, spec, classes, { batch });
  const program = compile(tape);
  initialize(store, 4);
  const views = noise([8, S, S, 4], 2).data.map((value, i) => i % 4 === 3 ? 0 : value);
  const targets = new Float32Array(8 * classes.length);
  for (let i = 0; i < 8; i++) targets[i * classes.length + i % classes.length] = 1;
  program.set({ lr, ...optimizer.scalars(1), "gradient.scale": 1 / parts });
  for (let part = 0; part < parts; part++) {
    const share = (data: Float32Array<ArrayBuffer>) =>
      data.slice(part * data.length / parts, (part + 1) * data.length / parts);
    program.write("views", share(views));
    program.write("targets", share(targets));
    program.run({ clear: part === 0, update: part === parts - 1 });
  }
  const weights = await store.read(({ section }) => section === "values");
  program.destroy();
  store.destroy();
  gpu.check();
  gpu.device.destroy();
  return new Float64Array([...weights.values()].flatMap(({ data }) => [...data]));
}

const far = (a: Float64Array, b: Float64Array) =>
  Math.sqrt(a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0));

Deno.test("a step of small batches is that of the large one where batch norm is frozen, and only there", async () => {
  const start = await stepIn(1, "frozen", 0);
  const [whole, parts] = [await stepIn(1, "frozen"), await stepIn(4, "frozen")];
  assert.ok(far(whole, parts) < 1e-4 * far(whole, start), `${far(whole, parts)}`);
  // Statistics of two images are not those of eight.
  const [large, small] = [await stepIn(1, "train"), await stepIn(4, "train")];
  assert.ok(far(large, small) > 0.1 * far(large, await stepIn(1, "train", 0)));
});

Deno.test("a clipped step is as long as the rate times the norm, over all batches of the step", async () => {
  const start = await stepIn(1, "frozen", 0);
  const whole = far(await stepIn(1, "frozen"), start);
  const clip = whole / 0.1 / 4;
  for (const parts of [1, 4]) {
    const clipped = far(await stepIn(parts, "frozen", 0.1, clip), start);
    assert.ok(Math.abs(clipped / (0.1 * clip) - 1) < 1e-4, `${clipped} for ${0.1 * clip}`);
  }
  const free = far(await stepIn(1, "frozen", 0.1, 100 * clip), start);
  assert.ok(Math.abs(free / whole - 1) < 1e-6, "a shorter gradient stays as it is");
});
