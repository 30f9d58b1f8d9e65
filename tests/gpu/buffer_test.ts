/** Bytes on their way to the GPU and back. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createBuffer, readBuffers } from "@/gpu/buffer.ts";
import { openGpu } from "@/gpu/device.ts";

const gpu = await openGpu();

Deno.test("ranges come back whole, also those that are copied piece by piece", async () => {
  const length = 10_000_019;
  const numbers = Uint32Array.from({ length }, (_, i) => Math.imul(i, 2654435761));
  const large = createBuffer(gpu, numbers);
  const small = createBuffer(gpu, Uint32Array.of(1, 2, 3, 4));
  try {
    const bytes = numbers.byteLength - 8;
    const [first, part, last] = await readBuffers(gpu, [
      { buffer: small, offset: 4, bytes: 8 },
      { buffer: large, offset: 8, bytes },
      { buffer: small, bytes: 3 },
    ]);
    assert.deepEqual([...new Uint32Array(first)], [2, 3]);
    assert.equal(Buffer.compare(new Uint8Array(part), new Uint8Array(numbers.buffer, 8)), 0);
    assert.deepEqual([...new Uint8Array(last)], [1, 0, 0]);
  } finally {
    large.destroy();
    small.destroy();
  }
});
