/** Six steps of BYOL with gaze pairs against PyTorch: network, heads, loss, optimiser, target at once. */
import assert from "node:assert/strict";
import { openGpu } from "@/gpu/device.ts";
import { pairLoss } from "@/gpu/ops/pair_loss.ts";
import { copyToTarget, movingAverage } from "@/gpu/optim/moving_average.ts";
import { sgd } from "@/gpu/optim/sgd.ts";
import { ParameterStore } from "@/gpu/parameters.ts";
import { compile } from "@/gpu/program.ts";
import { Tape } from "@/gpu/tape.ts";
import type { Tensor } from "@/gpu/tensor.ts";
import { head } from "@/lib/models/heads.ts";
import { initialize } from "@/lib/models/initial.ts";
import { resnet } from "@/lib/models/resnet.ts";
import { byolHeads } from "@/lib/ssl/byol.ts";
import { images, parameters } from "../support/formula.ts";
import { difference } from "../support/operation.ts";
import { readGoldens } from "../support/safetensors.ts";
import { sharedTest } from "../support/shared.ts";

const gpu = await openGpu();
const N = 8;
const S = 32;

function byol(store: ParameterStore) {
  const tape = new Tape(store);
  const { projector, predictor } = byolHeads({ hidden: 64, output: 32 });
  const views = tape.input("views", [2 * N, S, S, 4]);
  const A = tape.input("positives", [N, N]);
  const project = (prefix: string, x: Tensor) => {
    const options = { name: "resnet18", groups: 2, prefix: `${prefix}backbone.` } as const;
    const { features } = resnet(tape, x, options);
    return head(tape, features, projector, { prefix: `${prefix}projector.`, groups: 2 });
  };
  const z = project("", views);
  const p = head(tape, z, predictor, { prefix: "predictor.", groups: 2 });
  // The target sees the views in the same order; each prediction meets the other view's target.
  const loss = pairLoss(tape, p, project("target.", views), A, { scale: 4 });
  tape.backward(loss);
  const optimizer = sgd(tape, { loss, momentum: 0.9, weightDecay: 1e-4 });
  movingAverage(tape);
  tape.record("loss", loss);
  tape.record("finite", optimizer.control, 1);
  return compile(tape);
}

sharedTest("byol: PyTorch's six losses, weights, target and running statistics", [
  "goldens/byol_trajectory.safetensors",
], async (file) => {
  const goldens = readGoldens(file);
  const store = new ParameterStore(gpu);
  const program = byol(store);
  initialize(store, 0);
  for (const module of ["backbone.", "projector.", "predictor."]) {
    const entries = [...store.entries.values()].filter(({ name }) => name.startsWith(module));
    store.load(parameters(entries, /layer.*bn2.weight/));
  }
  copyToTarget(store);
  program.write("positives", goldens.positives.data);
  program.set({ "lr": 0.02, "ema.momentum": 0.99 });
  for (let step = 0; step < 6; step++) {
    const both = [0, 1].map((view) => images(N, S, 7000 + 0.25 * view + 0.01 * step));
    program.write("views", Float32Array.from([...both[0], ...both[1]]));
    program.run();
  }
  const records = await program.metrics();
  assert.deepEqual(records.map(({ run, values }) => [run, values.finite]), [
    [0, 1],
    [1, 1],
    [2, 1],
    [3, 1],
    [4, 1],
    [5, 1],
  ]);
  records.forEach(({ values: { loss } }, step) => {
    const gap = Math.abs(loss / goldens.loss.data[step] - 1);
    assert.ok(gap < (step < 3 ? 1e-3 : 1e-2), `loss ${loss} of step ${step} is off by ${gap}`);
  });
  const weights = await store.read();
  const compare = (name: string, golden: string) =>
    difference(weights.get(name)!.data, goldens[golden].data);
  // Steps amplify rounding: a ReLU input near 0 may fall on its other side.
  assert.ok(compare("backbone.conv1.weight", "final.conv1.weight") < 5e-2);
  assert.ok(compare("target.backbone.conv1.weight", "final.target.conv1.weight") < 1e-3);
  assert.ok(compare("backbone.bn1.running_mean", "final.bn1.running_mean") < 1e-2);
  program.destroy();
  store.destroy();
});
