/** What the engines of `deno task bench` share: the start, the network, and when they agree. */
import assert from "node:assert/strict";
import { channelsFirst, difference, norm, numbers, TOLERANCE } from "@/bench/engine.ts";
import { type Layers, resnet18 } from "@/bench/network.ts";
import { layersOf } from "@/bench/shapes.ts";

const state = { loss: 1, norms: { "fc.weight": 10, "bn1.running_mean": 0 } };

Deno.test("bench engines: states agree within a share; another loss, norm or a NaN does not", () => {
  const differs = (other: typeof state) => difference(state, other, TOLERANCE.resnet18);
  assert.equal(differs(state), undefined);
  assert.equal(differs({ ...state, loss: 1.0009 }), undefined);
  assert.equal(differs({ ...state, loss: 1.002 }), "loss is 1.002, ours 1");
  assert.equal(differs({ ...state, loss: NaN }), "loss is NaN, ours 1");
  const norms = { ...state.norms, "fc.weight": 10.2 };
  assert.equal(differs({ ...state, norms }), "norm of fc.weight is 10.2, ours 10");
  assert.equal(difference({ ...state, loss: NaN }, state, 1), "loss is 1, ours NaN");
});

Deno.test("bench engines: a norm that one does not tell is a difference", () => {
  const norms = { "fc.weight": 10 } as unknown as typeof state.norms;
  assert.equal(
    difference(state, { loss: 1, norms }, 1e-3),
    "norm of bn1.running_mean is undefined, ours 0",
  );
});

Deno.test("bench engines: channels move to the front; numbers lie in (-1, 1) and repeat", () => {
  const pixels = Float32Array.from({ length: 12 }, (_, i) => i);
  assert.deepEqual([...channelsFirst(pixels, [2, 3, 2])], [0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11]);
  assert.equal(norm([3, 4]), 5);
  const made = numbers(1000, 1);
  assert.ok(made.every((value) => Math.abs(value) <= 1));
  assert.deepEqual(made, numbers(1000, 1));
  assert.notDeepEqual(made, numbers(1000, 2));
});

Deno.test("bench engines: the network of the others has the convolutions of ours, in size and number", () => {
  const convolutions: string[] = [];
  const norms: string[] = [];
  // An array is known by its channels and its side.
  interface Map {
    channels: number;
    side: number;
  }
  const layers: Layers<Map> = {
    conv({ channels, side }, name, stride) {
      const stage = Number(/^layer(\d)/.exec(name)?.[1] ?? 1);
      const out = { channels: 64 * 2 ** (stage - 1), side: Math.ceil(side / stride) };
      convolutions.push([channels, side, out.channels, stride].join());
      return out;
    },
    norm(x, name) {
      norms.push(name);
      return x;
    },
    relu: (x) => x,
    maxPool: ({ channels, side }) => ({ channels, side: Math.ceil(side / 2) }),
    add(a, b) {
      assert.deepEqual(a, b);
      return a;
    },
    again: (x) => x,
  };
  assert.deepEqual(resnet18(layers, { channels: 3, side: 64 }), { channels: 512, side: 2 });
  const ours = layersOf("resnet18", { batch: 1, pixels: 64 });
  assert.deepEqual(
    convolutions.sort(),
    ours.map(({ C, H, K, stride }) => [C, H, K, stride].join()).sort(),
  );
  assert.equal(new Set(norms).size, 20);
});
