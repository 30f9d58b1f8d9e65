import assert from "node:assert/strict";
import { openGpu } from "@/gpu/device.ts";
import { Throughput } from "@/lib/training/throughput.ts";

Deno.test("throughput: measured once for all who ask, and nothing is left on the GPU", async () => {
  const gpu = await openGpu();
  let wakes = 0;
  const throughput = new Throughput(gpu, () => wakes++);
  await throughput.serve();
  const asked = [throughput.measured(), throughput.measured()];
  assert.equal(wakes, 2);
  await throughput.serve();
  const [first, second] = await Promise.all(asked);
  assert.ok(first > 0.01 && first < 1e6, `${first}`);
  assert.equal(second, first);
  assert.equal(await throughput.measured(), first, "known by then");
  gpu.check();
  gpu.device.destroy();
});
