/** Flat buffers of parameters: layouts, names, loading, snapshots. */
import assert from "node:assert/strict";
import { openGpu } from "@/gpu/device.ts";
import { fromTorch, torchShape, toTorch } from "@/gpu/weight_layout.ts";
import { ParameterStore } from "@/gpu/parameters.ts";
import { noise } from "../support/operation.ts";

const gpu = await openGpu();
const initial = { kind: "constant", value: 0 } as const;

Deno.test("layouts: to PyTorch's order and back, padding left out and put in as zeros", () => {
  const conv = { layout: "conv", shape: [2, 3, 4, 5], channels: 3 } as const;
  assert.deepEqual(torchShape(conv), [5, 3, 2, 3]);
  const torch = Float32Array.from({ length: 90 }, (_, i) => i + 1);
  const engine = fromTorch(conv, torch);
  // w[r, s, c, k] = torch[k, c, r, s]
  assert.equal(engine[((1 * 3 + 2) * 4 + 1) * 5 + 4], torch[((4 * 3 + 1) * 2 + 1) * 3 + 2]);
  assert.equal(engine.filter((v) => v === 0).length, 30);
  assert.deepEqual(toTorch(conv, engine), torch);
  const linear = { layout: "linear", shape: [2, 3], channels: 2 } as const;
  assert.deepEqual([...fromTorch(linear, Float32Array.of(1, 2, 3, 4, 5, 6))], [1, 3, 5, 2, 4, 6]);
  assert.deepEqual(
    toTorch(linear, Float32Array.of(1, 3, 5, 2, 4, 6)),
    Float32Array.of(1, 2, 3, 4, 5, 6),
  );
});

function filled() {
  const store = new ParameterStore(gpu);
  store.declare("conv", [1, 1, 4, 8], { layout: "conv", channels: 1, initial });
  store.declare("fc", [5, 3], { layout: "linear", initial });
  store.declare("target.fc", [5, 3], { layout: "linear", initial });
  store.declare("mean", [7], { statistic: true, initial });
  store.declare("queue", [2, 2], { statistic: true, exported: false, initial });
  return store;
}

Deno.test("parameters: sections by role, entries on 256 bytes, read and loaded in PyTorch's layout", async () => {
  const store = filled();
  const places = [...store.entries.values()].map((e) => [e.name, e.section, e.offset, e.index]);
  assert.deepEqual(places, [
    ["conv", "values", 0, 0],
    ["fc", "values", 64, 1],
    ["target.fc", "frozen", 0, 0],
    ["mean", "statistics", 0, 0],
    ["queue", "statistics", 64, 1],
  ]);
  const weights = new Map([
    ["conv", { shape: [8, 1, 1, 1], data: noise([8], 1).data }],
    ["fc", { shape: [3, 5], data: noise([15], 2).data }],
    ["mean", { shape: [7], data: noise([7], 3).data }],
  ]);
  store.load(weights);
  const read = await store.read();
  for (const [name, weight] of weights) assert.deepEqual(read.get(name), weight);
  assert.deepEqual([...read.keys()], ["conv", "fc", "target.fc", "mean"]);
  assert.deepEqual(store.bytes, { values: 512, frozen: 256, statistics: 512 });
  store.destroy();
});

Deno.test("parameters: a copy is what they were, whatever becomes of them before it is read", async () => {
  const store = filled();
  const fc = { shape: [3, 5], data: noise([15], 2).data };
  store.load(new Map([["fc", fc]]));
  const before = await store.snapshot();
  const read = await store.copy();
  store.load(new Map([["fc", { shape: [3, 5], data: noise([15], 9).data }]]));
  assert.notDeepEqual(await store.snapshot(), before);
  assert.deepEqual(await read(), before);
  store.destroy();
});

Deno.test("parameters: a snapshot restores everything, bit for bit", async () => {
  const store = filled();
  const fc = { shape: [3, 5], data: noise([15], 2).data };
  store.load(new Map([["fc", fc], ["queue", { shape: [2, 2], data: noise([4], 5).data }]]));
  store.buffer("momentum");
  const snapshot = await store.snapshot();
  const other = filled();
  other.restore(snapshot);
  assert.deepEqual(await other.snapshot(), snapshot);
  assert.deepEqual((await other.read()).get("fc"), fc);
  assert.throws(
    () => other.restore(new Map([["values", new Float32Array(3)]])),
    /Cannot restore parameters: 128 numbers expected in "values", got 3/,
  );
  for (const made of [store, other]) made.destroy();
});

Deno.test("parameters: unknown names, other shapes and late declarations are refused", async () => {
  const store = filled();
  const weight = (shape: number[]) => ({ shape, data: new Float32Array(15).fill(1) });
  assert.throws(
    () => store.load(new Map([["fc", weight([3, 5])], ["fd", weight([3, 5])]])),
    /Cannot load weights: there is no parameter "fd"/,
  );
  assert.throws(
    () => store.load(new Map([["fc", weight([5, 3])]])),
    /Cannot load weights: "fc" of shape \[3, 5\] expected, got \[5, 3\]/,
  );
  assert.deepEqual([...(await store.read()).get("fc")!.data], Array(15).fill(0));
  assert.throws(() => store.declare("fc", [3, 5], { initial }), /Cannot declare "fc" as \[3,5\]/);
  assert.throws(() => store.declare("new", [1], { initial }), /laid out already/);
  store.destroy();
});
