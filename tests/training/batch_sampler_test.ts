import assert from "node:assert/strict";
import { labelPositives, partnersOf } from "@/lib/gaze/positives.ts";
import { epochBatches, stepsPerEpoch } from "@/lib/training/batch_sampler.ts";
import { packed } from "@/lib/training/positive_sampler.ts";

Deno.test("an epoch's batches: every image once, another order each epoch, the same for a seed", () => {
  const options = { seed: 4, epoch: 0, tail: "drop" as const };
  const batches = epochBatches(23, 5, options);
  assert.equal(batches.length, 4);
  assert.equal(new Set(batches.flatMap((batch) => [...batch])).size, 20);
  assert.deepEqual(epochBatches(23, 5, options), batches);
  assert.notDeepEqual(epochBatches(23, 5, { ...options, epoch: 1 }), batches);
  const wrapped = epochBatches(23, 5, { ...options, tail: "wrap" });
  assert.equal(wrapped.length, stepsPerEpoch(23, 5, "wrap"));
  assert.equal(new Set(wrapped.flatMap((batch) => [...batch])).size, 23);
  assert.deepEqual(wrapped[4].slice(3), wrapped[0].slice(0, 2));
  assert.throws(() => epochBatches(4, 5, options), /Cannot make a batch of 5 from 4/);
});

Deno.test("packed: every image once, more pairs in a batch, another draw each epoch", () => {
  const [n, batch, seed] = [40, 8, 3];
  const labels = Array.from({ length: n }, (_, i) => i < 4 ? null : `${i % 12}`);
  const A = labelPositives(labels);
  const arrangeBy = (most: number) => (order: Uint32Array<ArrayBuffer>, epoch: number) =>
    packed(order, { partnersOf: partnersOf(A), most, batch, seed, epoch });
  const options = { seed, epoch: 0, tail: "drop" as const };
  const pairs = (batches: Uint32Array[]) =>
    batches.reduce((sum, images) => {
      const found = [...images].flatMap((a) => [...images].filter((b) => A.matrix[a * n + b]));
      return sum + (found.length - images.length) / 2;
    }, 0);
  const plain = epochBatches(n, batch, options);
  const one = epochBatches(n, batch, { ...options, arrange: arrangeBy(1) });
  assert.deepEqual(one.flatMap((images) => [...images]).sort((a, b) => a - b), [...labels.keys()]);
  // Twelve classes of three: one pair each at least, but for those that a batch's end cuts off.
  assert.ok(pairs(one) >= 10 && pairs(one) > 2 * pairs(plain), `${pairs(one)}, ${pairs(plain)}`);
  const two = epochBatches(n, batch, { ...options, arrange: arrangeBy(2) });
  assert.ok(pairs(two) > pairs(one));
  assert.deepEqual(epochBatches(n, batch, { ...options, arrange: arrangeBy(0) }), plain);
  assert.deepEqual(epochBatches(n, batch, { ...options, arrange: arrangeBy(1) }), one);
  const next = epochBatches(n, batch, { ...options, epoch: 1, arrange: arrangeBy(1) });
  assert.notDeepEqual(next, one);
});
