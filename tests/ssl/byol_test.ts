import assert from "node:assert/strict";
import { openGpu } from "@/gpu/device.ts";
import { copyToTarget, movingAverage } from "@/gpu/optim/moving_average.ts";
import { sgd } from "@/gpu/optim/sgd.ts";
import { ParameterStore } from "@/gpu/parameters.ts";
import { compile } from "@/gpu/program.ts";
import { Tape } from "@/gpu/tape.ts";
import { readSafetensors } from "@/lib/models/safetensors.ts";
import { backboneSpecs } from "@/lib/models/specs.ts";
import { byol, byolHeads } from "@/lib/ssl/byol.ts";
import { encoder } from "@/lib/ssl/encoder.ts";
import { describedImages, parameters } from "../support/formula.ts";
import { goldenWords } from "../support/safetensors.ts";
import { sharedTest } from "../support/shared.ts";

sharedTest(
  "BYOL with gaze pairs follows the reference's six steps",
  ["goldens/byol_trajectory.safetensors"],
  async (path) => {
    const { tensors } = readSafetensors(Deno.readFileSync(path));
    const words = goldenWords(path);
    const [N, S] = [8, 32];
    const gpu = await openGpu();
    const store = new ParameterStore(gpu);
    const tape = new Tape(store);
    const { loss } = byol(tape, {
      images: N,
      encoder: encoder({ backbone: "resnet18", width: 64, channels: 3 }),
      views: (which) => tape.input("views", [which.length * N, S, S, 4]),
      weights: (columns) => tape.input("A", [N, columns]),
    }, { hidden: 64, output: 32, momentum: 0.99, normalizer: "global" });
    tape.record("loss", loss);
    tape.backward(loss);
    sgd(tape, { loss, momentum: 0.9, weightDecay: 1e-4 });
    movingAverage(tape);
    const program = compile(tape);
    // The formula starts anew for each module.
    for (const module of ["backbone.", "projector.", "predictor."]) {
      const entries = [...store.entries.values()].filter(({ name }) => name.startsWith(module));
      store.load(parameters(entries, /layer\d\.\d\.bn2\.weight/));
    }
    const statistics = [...store.entries.values()].filter(({ section }) =>
      section === "statistics"
    );
    store.load(
      new Map(statistics.map(({ name, shape }) => [name, {
        shape: [...shape],
        data: new Float32Array(shape[0]).fill(name.endsWith("var") ? 1 : 0),
      }])),
    );
    copyToTarget(store);
    program.write("A", tensors.get("positives")!.data);
    program.set({ lr: 0.02, "ema.momentum": 0.99 });
    for (let step = 0; step < 6; step++) {
      const views = new Float32Array(2 * N * S * S * 4);
      [0, 1].forEach((view) => {
        views.set(describedImages(words.views, { k: view, s: step }), view * N * S * S * 4);
      });
      program.write("views", views);
      program.run();
    }
    const expected = tensors.get("loss")!.data;
    const losses = (await program.metrics()).map(({ values }) => values.loss);
    losses.forEach((value, step) => {
      const error = Math.abs(value - expected[step]) / Math.abs(expected[step]);
      const tolerance = step < 3 ? 1e-3 : 1e-2;
      assert.ok(error < tolerance, `step ${step}: ${value}, ${expected[step]} expected (${error})`);
    });
    const weights = await store.read(() => true);
    for (
      const [name, ours] of [
        ["final.conv1.weight", "backbone.conv1.weight"],
        ["final.target.conv1.weight", "target.backbone.conv1.weight"],
        ["final.bn1.running_mean", "backbone.bn1.running_mean"],
      ]
    ) {
      const { data } = tensors.get(name)!;
      const far = Math.hypot(...weights.get(ours)!.data.map((value, i) => value - data[i]));
      assert.ok(far < 1e-2 * Math.hypot(...data), `${name}: ${far / Math.hypot(...data)}`);
    }
    program.destroy();
    store.destroy();
    gpu.check();
    gpu.device.destroy();
  },
);

Deno.test("the hidden widths are the published ones: of ResNet-18 the predictor's is wider", () => {
  const widths = (backbone: "resnet18" | "resnet50" | "resnet101") => {
    const { hidden, predictorHidden } = backboneSpecs[backbone];
    const { projector, predictor } = byolHeads({ hidden, predictorHidden, output: 256 });
    return [projector, predictor].map((layers) => layers.map(({ size }) => size));
  };
  assert.deepEqual(widths("resnet18"), [[1024, 256], [4096, 256]]);
  assert.deepEqual(widths("resnet50"), [[4096, 256], [4096, 256]]);
  assert.deepEqual(widths("resnet101"), [[4096, 256], [4096, 256]]);
});

Deno.test("a width that is given holds for both heads, the backbone's own for each", async () => {
  const shapes = async (hidden: number | null) => {
    const store = new ParameterStore(await openGpu());
    const tape = new Tape(store);
    byol(tape, {
      images: 2,
      encoder: encoder({ backbone: "resnet18", width: 4, channels: 1 }),
      views: () => tape.input("views", [4, 32, 32, 4]),
      weights: (columns) => tape.input("A", [2, columns]),
    }, { hidden, output: 32, momentum: 0.99, normalizer: "global" });
    // A batch norm follows the hidden layer.
    return ["projector.1.weight", "predictor.1.weight"].map((name) =>
      store.entries.get(name)!.shape[0]
    );
  };
  assert.deepEqual(await shapes(64), [64, 64]);
  assert.deepEqual(await shapes(null), [1024, 4096]);
});
