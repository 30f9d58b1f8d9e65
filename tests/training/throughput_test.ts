import assert from "node:assert/strict";
import { openGpu } from "@/gpu/device.ts";
import { Speed } from "@/lib/training/throughput.ts";

Deno.test("speed: measured once for all who ask, and nothing is left on the GPU", async () => {
  const gpu = await openGpu();
  let wakes = 0;
  const speed = new Speed(gpu, () => wakes++);
  await speed.serve();
  const asked = [speed.ask(), speed.ask()];
  assert.equal(wakes, 2);
  await speed.serve();
  const [first, second] = await Promise.all(asked);
  assert.ok(first > 0.01 && first < 1e6, `${first}`);
  assert.equal(second, first);
  assert.equal(await speed.ask(), first, "known by then");
  gpu.check();
  gpu.device.destroy();
});
