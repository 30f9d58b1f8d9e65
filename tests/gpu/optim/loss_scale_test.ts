/** The scale of the loss: what gradients are divided by, when it falls, when it rises, what is left alone. */
import assert from "node:assert/strict";
import { openGpu } from "@/gpu/device.ts";
import { adamW } from "@/gpu/optim/adam.ts";
import { lars } from "@/gpu/optim/lars.ts";
import { lossScale, type LossScaleOptions } from "@/gpu/optim/loss_scale.ts";
import type { Optimizer, OptimizerOptions } from "@/gpu/optim/optimizer.ts";
import { sgd } from "@/gpu/optim/sgd.ts";
import { ParameterStore } from "@/gpu/parameters.ts";
import { compile } from "@/gpu/program.ts";
import { Tape } from "@/gpu/tape.ts";
import { initialize } from "@/lib/models/initial.ts";
import { difference } from "../../support/operation.ts";
import weightedSumCode from "../../support/weighted_sum.wgsl" with { type: "text" };

const gpu = await openGpu();
const G = [3, -4, 12];
type Make = (tape: Tape, options: OptimizerOptions) => Optimizer;

/** One weight `[3, 1]` of 1 whose gradient is an input, and the loss another. */
function build(make: Make, scaling?: LossScaleOptions, options: Partial<OptimizerOptions> = {}) {
  const store = new ParameterStore(gpu);
  const tape = new Tape(store);
  const w = tape.parameter("w", [3, 1], { initial: { kind: "constant", value: 1 } });
  const [factors, loss] = [tape.input("dw", [3]), tape.input("loss", [1])];
  const [y, dy] = [tape.value([1], [w]), tape.value([3])];
  const bind = { y: w, factors, loss: y, dy };
  tape.launch({ code: weightedSumCode, bind, params: { n: 3 }, grid: [1] });
  tape.onBackward(y, () => tape.giveGradient(w, tape.reshape(dy, [3, 1])));
  const scaled = scaling && lossScale(tape, scaling);
  tape.backward(y);
  const { control, scalars } = make(tape, { loss, lossScale: scaled, ...options });
  const program = compile(tape, { outputs: [control] });
  initialize(store, 0);
  let updates = 0;
  /** An update with the gradient `g` of the loss, as it arrives. */
  async function update(g: number[], { loss = 1, parts = 1 } = {}) {
    program.write("dw", Float32Array.from(g));
    program.write("loss", Float32Array.of(loss));
    program.set({ lr: 0.1, ...scalars(++updates), "gradient.scale": 1 / parts });
    program.run();
    const [values] = await program.read(control);
    return { factor: values[0], finite: values[1], norm: values[2], overflow: values[3] };
  }
  const state = async () => {
    const found = await store.read(() => true);
    const [w, scale, good] = ["w", "loss_scale", "loss_scale.good"]
      .map((name) => found.get(name)?.data);
    return { w: [...w!], scale: scale?.[0], good: good?.[0] };
  };
  return { store, program, update, state };
}

const times = (factor: number) => G.map((g) => factor * g);

for (
  const [name, make] of Object.entries<Make>({
    "sgd, clipped": (tape, options) => sgd(tape, { ...options, clip: 2, weightDecay: 0.1 }),
    adamw: (tape, options) => adamW(tape, { ...options, weightDecay: 0.1 }),
    lars: (tape, options) => lars(tape, { ...options, weightDecay: 0.1 }),
  })
) {
  Deno.test(`${name}: a scaled gradient updates as one that is not`, async () => {
    const [plain, scaled] = [build(make), build(make, { start: 1024 })];
    for (let step = 0; step < 3; step++) {
      const [a, b] = [await plain.update(G), await scaled.update(times(1024))];
      assert.deepEqual([a.norm, b.norm, b.finite, b.overflow], [13, 13, 1, 0]);
    }
    const [a, b] = [await plain.state(), await scaled.state()];
    assert.ok(difference(b.w, a.w) < 1e-6);
    assert.deepEqual([b.scale, b.good, a.scale], [1024, 3, undefined]);
  });
}

Deno.test("an overflow leaves everything but the scale, which it halves", async () => {
  const { store, update, state } = build(sgd, { start: 2 ** 15 });
  await update(times(2 ** 15));
  const before = await state();
  const moments = await store.read(() => true, "momentum");
  for (const [wrong, scale] of [[Infinity, 2 ** 14], [NaN, 2 ** 13]]) {
    const { finite, overflow } = await update([1, wrong, 2]);
    assert.deepEqual([finite, overflow], [0, 1]);
    assert.deepEqual(await state(), { ...before, scale, good: 0 });
  }
  assert.deepEqual(await store.read(() => true, "momentum"), moments);
  const { norm, overflow } = await update(times(2 ** 13), { parts: 1 });
  assert.deepEqual([norm, overflow, (await state()).good], [13, 0, 1]);
});

Deno.test("a loss that is not finite, and a gradient that no scale helps, are no overflow", async () => {
  const { update, state } = build(sgd, { start: 2 });
  assert.equal((await update([NaN, 0, 0], { loss: NaN })).overflow, 0);
  assert.equal((await state()).scale, 2);
  assert.equal((await update([Infinity, 0, 0])).overflow, 1);
  const { overflow, finite, norm } = await update([Infinity, 0, 0]);
  assert.deepEqual([overflow, finite, norm, (await state()).scale], [0, 0, Infinity, 1]);
});

Deno.test("after some updates in a row the scale doubles, up to 2^24", async () => {
  const { update, state } = build(sgd, { start: 2 ** 22, patience: 3 });
  const scales: number[] = [];
  for (const overflows of [false, false, true, false, false, false, ...Array(7).fill(false)]) {
    const { scale } = await state();
    await update(overflows ? [Infinity, 0, 0] : times(scale!));
    scales.push(Math.log2((await state()).scale!));
  }
  assert.deepEqual(scales, [22, 22, 21, 21, 21, 22, 22, 22, 23, 23, 23, 24, 24]);
});

Deno.test("the scale is part of a snapshot, not of weights that are saved", async () => {
  const { store, update, state } = build(sgd, { start: 1024 });
  await update(times(1024));
  const kept = await store.snapshot();
  const before = await state();
  await update([Infinity, 0, 0]);
  assert.notDeepEqual(await state(), before);
  store.restore(kept);
  assert.deepEqual(await state(), before);
  assert.deepEqual([...(await store.read()).keys()], ["w"]);
});
