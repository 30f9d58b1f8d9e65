import assert from "node:assert/strict";
import { createBuffer } from "@/gpu/buffer.ts";
import { openGpu } from "@/gpu/device.ts";

Deno.test("device: bytes count from the making of a buffer to its end, which comes once", async () => {
  const gpu = await openGpu();
  const before = gpu.allocatedBytes();
  const buffer = createBuffer(gpu, 1000, "x");
  assert.equal(gpu.allocatedBytes() - before, 1008, "rounded up to 16");
  const other = createBuffer(gpu, new Float32Array(4), "y");
  assert.equal(gpu.allocatedBytes() - before, 1024);
  buffer.destroy();
  buffer.destroy();
  assert.equal(gpu.allocatedBytes() - before, 16);
  other.destroy();
  assert.equal(gpu.allocatedBytes(), before);
});
