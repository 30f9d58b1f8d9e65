/** Memory on the GPU stays what it was at the first step. The long version: `deno task soak`. */
import assert from "node:assert/strict";
import { soak } from "@/bench/soak.ts";
import { openGpu } from "@/gpu/device.ts";

const gpu = await openGpu();

Deno.test("training: 60 steps make no buffer that outlives them, and all are freed at the end", async () => {
  const census = await soak(gpu, { steps: 60, every: 15 });
  const counts = census.map(({ buffers, bytes }) => ({ buffers, bytes }));
  assert.equal(counts.length, 5);
  assert.ok(counts[0].buffers > 10 && counts[0].bytes > 2 ** 18);
  assert.deepEqual(counts.slice(1, 4), Array(3).fill(counts[0]));
  assert.deepEqual(counts[4], { buffers: 0, bytes: 0 });
});
