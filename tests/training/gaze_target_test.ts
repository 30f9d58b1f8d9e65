/** Attention that follows the gaze: targets in views, the ops' gradients, and what training makes of it. */
import assert from "node:assert/strict";
import { openGpu } from "@/gpu/device.ts";
import { images } from "@/gpu/images.ts";
import { augment, type View } from "@/gpu/augment.ts";
import { createBuffer, readFloats } from "@/gpu/buffer.ts";
import { submit } from "@/gpu/kernel.ts";
import { channelMean, classMap } from "@/gpu/ops/class_map.ts";
import { initialize } from "@/lib/models/initial.ts";
import { parseFinetune } from "@/lib/specs/finetune.ts";
import { augmentations } from "@/lib/specs/augmentation.ts";
import { drawView } from "@/lib/training/draw_view.ts";
import { Finetuner } from "@/lib/training/finetuner.ts";
import { attentionGaze, gazeTarget, meanEntropy } from "@/lib/training/gaze_target.ts";
import { uniform } from "@/lib/random.ts";
import { checkGradients, noise, runOp } from "../support/operation.ts";

const gpu = await openGpu();
const neutral: Pick<View, "matrix" | "centre"> = { matrix: [1, 0, 0, 1], centre: [0.5, 0.5] };
const greatest = (values: ArrayLike<number>) =>
  Array.from(values).reduce((best, value, i, all) => value > all[best] ? i : best, 0);
const sum = (values: ArrayLike<number>) => Array.from(values).reduce((total, v) => total + v, 0);

Deno.test("class map: its formula, another label nowhere, and gradients against differences", async () => {
  for (const [N, h, w, F, K] of [[1, 1, 1, 1, 1], [3, 2, 3, 70, 4]]) {
    const labels = Uint32Array.from({ length: N }, (_, n) => n === 2 ? 99 : (n + 1) % K);
    const operands = { x: noise([N, h, w, F], 81), weight: noise([F, K], 82) };
    const [x, weight] = [operands.x.data, operands.weight.data];
    const { y } = await runOp(
      gpu,
      operands,
      (tape, { x, weight }) => classMap(tape, x, weight, tape.constant("labels", labels)),
    );
    const { y: means } = await runOp(gpu, operands, (tape, { x }) => channelMean(tape, x));
    for (let i = 0; i < N * h * w; i++) {
      const k = labels[Math.floor(i / (h * w))];
      let [expected, mean] = [0, 0];
      for (let f = 0; f < F; f++) {
        if (k < K) expected += x[i * F + f] * weight[f * K + k];
        mean += x[i * F + f] / F;
      }
      assert.ok(Math.abs(y[i] - expected) < 1e-5 && Math.abs(means[i] - mean) < 1e-6);
    }
    await checkGradients(
      gpu,
      operands,
      (tape, { x, weight }) => classMap(tape, x, weight, tape.constant("labels", labels)),
      { tolerance: 1e-3 },
    );
    await checkGradients(gpu, { x: operands.x }, (tape, { x }) => channelMean(tape, x), {
      tolerance: 1e-3,
    });
  }
});

Deno.test("a target adds up to 1, lies where the gaze lies, and is nothing where little is seen", () => {
  const grid = { rows: 4, columns: 8, sigma: 0.5 };
  const gaze = Float32Array.of(0.3, 0.9, 0.75, 0.95, 0.1, 0.25);
  const target = gazeTarget(gaze, neutral, grid);
  assert.ok(Math.abs(sum(target) - 1) < 1e-6);
  assert.equal(greatest(target), 3 * 8 + 2);
  assert.ok(target[7] > 5 * target[6] && target[7] < target[3 * 8 + 2]);
  // The right half alone: a quarter of the gaze; its corner: none.
  const right = gazeTarget(gaze, { matrix: [0.5, 0, 0, 1], centre: [0.75, 0.5] }, grid);
  assert.equal(greatest(right), 7);
  assert.ok(Math.abs(sum(right) - 1) < 1e-6);
  const corner = { matrix: [0.2, 0, 0, 0.2], centre: [0.1, 0.1] } as typeof neutral;
  assert.equal(sum(gazeTarget(gaze, corner, grid)), 0);
  assert.equal(sum(gazeTarget(undefined, neutral, grid)), 0);
  const entropy = -[...target].reduce((total, p) => total + (p > 0 ? p * Math.log(p) : 0), 0);
  const both = Float32Array.from([...target, ...new Float32Array(32)]);
  assert.ok(Math.abs(meanEntropy(both, 32) - entropy) < 1e-6, "images without gaze do not count");
  assert.equal(meanEntropy(new Float32Array(64), 32), 0);
});

Deno.test("a target follows every view that the GPU draws: a bright spot is where it says", async () => {
  const [side, cells, N] = [80, 10, 24];
  const spots = Array.from(
    { length: N },
    (_, i) => [0, 1].map((axis) => 0.3 + 0.4 * uniform(7, i, axis)),
  );
  const data = new Uint16Array(N * side * side);
  spots.forEach(([x, y], n) => {
    for (let row = 0; row < side; row++) {
      for (let column = 0; column < side; column++) {
        const d = Math.hypot((column + 0.5) / side - x, (row + 0.5) / side - y) * side;
        data[(n * side + row) * side + column] = 60000 * Math.exp(-d * d / 18);
      }
    }
  });
  const source = images(gpu, { data, count: N, height: side, width: side, channels: 1 }, {
    batch: N,
  });
  const size = { height: cells, width: cells };
  const output = createBuffer(gpu, N * cells * cells * 16, "views");
  const passes = augment(gpu, source, {
    ...{ size, channels: 1, output, batch: N, blur: false },
    normalization: { mean: [0], std: [1] },
  });
  const settings = {
    ...augmentations.medical,
    ...{ rotation_deg: 40, flip_horizontal: 0.5, flip_vertical: 0.5, jitter: 0, blur: null },
  };
  const drawn = spots.map((_, image) =>
    drawView(settings, { seed: 3, epoch: 0, image, view: 0 }, { size, mean: 0.1 })
  );
  const placed = source.place(spots.map((_, i) => i));
  passes.write(drawn.map((view, i) => ({ ...view, image: placed[i] })));
  submit(gpu, passes.launches);
  const seen = await readFloats(gpu, output, N * cells * cells * 4);
  let compared = 0;
  spots.forEach(([x, y], n) => {
    const values = Array.from(
      { length: cells * cells },
      (_, i) => seen[(n * cells * cells + i) * 4],
    );
    const target = gazeTarget(Float32Array.of(x, y, 1), drawn[n], {
      ...{ rows: cells, columns: cells, sigma: 0.4 },
    });
    if (sum(target) === 0) return;
    const [a, b] = [greatest(values), greatest(target)];
    const far = Math.hypot(a % cells - b % cells, Math.floor(a / cells) - Math.floor(b / cells));
    assert.ok(far <= 1, `image ${n}: the spot is in cell ${a}, the target in ${b}`);
    compared++;
  });
  assert.ok(compared > 16, `${compared} spots were in their views`);
  passes.destroy();
  source.destroy();
  output.destroy();
});

Deno.test("shuffled gaze: every image with gaze gets another one's, the others none", () => {
  const gaze = Array.from(
    { length: 9 },
    (_, i) => i % 3 === 2 ? undefined : Float32Array.of(i, 0, 1),
  );
  const given = attentionGaze(gaze, "shuffled", 5);
  assert.deepEqual(Array.from(given, Boolean), gaze.map(Boolean));
  assert.ok(given.every((one, i) => one === undefined || one !== gaze[i]));
  assert.deepEqual(new Set(Array.from(given)), new Set(gaze));
  assert.equal(attentionGaze(gaze, "own", 5), gaze);
  assert.throws(() => attentionGaze([undefined], "own", 1), /0 of 1 training images have gaze/);
  assert.throws(() => attentionGaze([gaze[0]], "shuffled", 1), /1 of 1 training images have gaze/);
});

const [N, S] = [8, 64];
const input = { channels: 1 as const, image_size: S, normalization: "dataset" as const };
const networks = {
  resnet18: { ...input, backbone: "resnet18" as const, width: 8 },
  vit_tiny_patch16: { ...input, backbone: "vit_tiny_patch16" as const, width: 24 },
};

/** Divergences of a training in which every image was looked at in its upper left corner. */
async function divergences(
  attention: Record<string, unknown>,
  backbone: keyof typeof networks,
): Promise<number[]> {
  const network = networks[backbone];
  const spec = {
    ...parseFinetune({
      ...{ dataset: "x", batch_size: N, augmentation: "none", attention },
      optimizer: { name: "adamw", learning_rate: 3e-3 },
    }),
    ...network,
  };
  const data = Uint16Array.from({ length: N * S * S }, (_, i) => 65535 * uniform(2, i));
  const block = images(gpu, { data, count: N, height: S, width: S, channels: 1 }, { batch: N });
  const trainee = new Finetuner(gpu, {
    ...{ spec, batch: N, images: block, seed: 0, perEpoch: 1 },
    model: { ...network, classes: ["a", "b"], normalization: { mean: [0.5], std: [0.3] } },
    means: new Float32Array(N).fill(0.5),
    truth: { labels: Array.from({ length: N }, (_, i) => i % 2) },
    weights: [1, 1],
    attention: Array.from(
      { length: N },
      (_, i) => i < 6 ? Float32Array.of(0.2, 0.2, 1) : undefined,
    ),
  });
  initialize(trainee.store, 1);
  const steps = 24;
  for (let step = 0; step < steps; step++) {
    trainee.run(Uint32Array.from({ length: N }, (_, i) => i), {
      ...{ epoch: step, step, steps, part: 0, parts: 1 },
    });
  }
  const found = (await trainee.recorded()).map((values) => values.attention_divergence);
  trainee.destroy();
  block.destroy();
  return found;
}

for (
  const [map, backbone, share] of [
    ["class", "resnet18", 0.2],
    ["activation", "resnet18", 0.2],
    // A fresh transformer turns more slowly.
    ["token", "vit_tiny_patch16", 0.5],
  ] as const
) {
  Deno.test(`training with attention on the ${map} map: the divergence falls, without weight it does not`, async () => {
    const told = await divergences({ weight: 3, map, sigma: 0.6 }, backbone);
    const untold = await divergences({ weight: 0, map, sigma: 0.6 }, backbone);
    assert.ok(told.every((value) => value >= -1e-6), "a divergence is never below 0");
    assert.ok(Math.abs(told[0] - untold[0]) < 1e-6, "the first step sees the same network");
    assert.ok(told.at(-1)! < share * told[0], `${told[0]} to ${told.at(-1)}`);
    assert.ok(untold.at(-1)! > 0.5 * untold[0], `${untold[0]} to ${untold.at(-1)}`);
  });
}

Deno.test("attention is refused where it would change nothing", () => {
  const wrong = (more: Record<string, unknown>, message: RegExp) =>
    assert.throws(() => parseFinetune({ dataset: "x", attention: {}, ...more }), (error: Error) => {
      assert.match(JSON.stringify(error), message);
      return true;
    });
  wrong({ mode: "linear" }, /frozen backbone/);
  wrong({ mode: "logistic" }, /Cannot use attention with mode/);
  assert.equal(parseFinetune({ dataset: "x" }).attention, null);
});

Deno.test("device closes without errors", () => {
  gpu.check();
  gpu.device.destroy();
});
