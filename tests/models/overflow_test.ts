/** Numbers that are not finite stay so through the network: an overflow in the middle is no answer at its end. */
import assert from "node:assert/strict";
import { openGpu } from "@/gpu/device.ts";
import { maxPool } from "@/gpu/ops/max_pool.ts";
import { relu } from "@/gpu/ops/relu.ts";
import { ParameterStore } from "@/gpu/parameters.ts";
import { compile } from "@/gpu/program.ts";
import { Tape } from "@/gpu/tape.ts";
import { classifier } from "@/lib/models/heads.ts";
import { initialize } from "@/lib/models/initial.ts";
import { resnet } from "@/lib/models/resnet.ts";
import { noise } from "../support/operation.ts";

const gpu = await openGpu();
const S = 32;

/** Logits of a picture, by norms that are folded into the convolutions or run by themselves. */
async function logitsOf(folded: boolean, wrong?: [name: string, shape: number[]]) {
  const store = new ParameterStore(gpu);
  const tape = new Tape(store, { training: !folded });
  const x = tape.input("x", [1, S, S, 4]);
  const { features } = resnet(tape, x, { name: "resnet18", width: 8, training: false });
  const logits = classifier(tape, features, 3);
  const program = compile(tape, { outputs: [logits] });
  initialize(store, 1);
  if (wrong) {
    const [name, shape] = wrong;
    const data = new Float32Array(shape.reduce((product, side) => product * side)).fill(-3e38);
    store.load(new Map([[`${name}.weight`, { shape, data }]]));
  }
  program.write("x", noise([1, S, S, 4], 2).data.map((value, i) => i % 4 === 3 ? 0 : 1 + value));
  program.run();
  const [values] = await program.read(logits);
  program.destroy();
  store.destroy();
  return [...values];
}

Deno.test("all that a convolution gives is minus infinity: no finite logits", async () => {
  for (const folded of [true, false]) {
    assert.ok((await logitsOf(folded)).every(Number.isFinite));
    for (
      const wrong of [
        ["conv1", [8, 3, 7, 7]],
        ["layer1.0.conv1", [8, 8, 3, 3]],
        ["layer2.0.conv1", [16, 8, 3, 3]],
        ["layer4.1.conv1", [64, 64, 3, 3]],
      ] satisfies [string, number[]][]
    ) {
      const logits = await logitsOf(folded, wrong);
      assert.ok(!logits.every(Number.isFinite), `${wrong[0]}, ${folded}: ${logits}`);
    }
  }
});

Deno.test("ReLU and max pooling: finite numbers as ever, others stay what they are", async () => {
  const run = async (data: number[], side: number) => {
    const store = new ParameterStore(gpu);
    const tape = new Tape(store, { training: false });
    const x = tape.input("x", [1, side, side, 1]);
    const outputs = [relu(tape, x), maxPool(tape, x, { size: 3, stride: 2, padding: 1 })];
    const program = compile(tape, { outputs });
    program.write("x", Float32Array.from(data));
    program.run();
    const [rectified, pooled] = await program.read(...outputs);
    program.destroy();
    store.destroy();
    return { rectified: [...rectified], pooled: [...pooled] };
  };
  const { rectified, pooled } = await run([NaN, Infinity, -Infinity, -1], 2);
  assert.deepEqual(rectified, [NaN, Infinity, -Infinity, 0]);
  assert.ok(!Number.isFinite(pooled[0]));
  for (const odd of [NaN, Infinity, -Infinity]) {
    for (let at = 0; at < 4; at++) {
      const values = [1, -2, 3, 0.5];
      values[at] = odd;
      assert.ok(!Number.isFinite((await run(values, 2)).pooled[0]), `${odd} at ${at}`);
    }
  }
  const plain = await run([1, -2, 3, 0.5], 2);
  assert.deepEqual(plain, { rectified: [1, 0, 3, 0.5], pooled: [3] });
});
