import assert from "node:assert/strict";
import { augment, neutralView } from "@/gpu/augment.ts";
import { createBuffer, readFloats } from "@/gpu/buffer.ts";
import { openGpu } from "@/gpu/device.ts";
import { images } from "@/gpu/images.ts";
import { submit } from "@/gpu/kernel.ts";
import { bits } from "@/lib/random.ts";

Deno.test("images that stay on the GPU and images written for each batch look the same", async () => {
  const gpu = await openGpu();
  const [count, side] = [7, 5];
  const data = Uint16Array.from({ length: count * side * side }, (_, i) => bits(i) & 0xffff);
  const pixels = { data, count, height: side, width: side, channels: 1 as const };
  const seen = async (most: number) => {
    const block = images(gpu, pixels, { batch: 3, most });
    const output = createBuffer(gpu, 3 * side * side * 16);
    const passes = augment(gpu, block, {
      batch: 3,
      size: { height: side, width: side },
      channels: 1,
      normalization: { mean: [0], std: [1] },
      blur: false,
      output,
    });
    const results: number[] = [];
    for (const batch of [[6, 0, 3], [1, 5, 5]]) {
      const placed = block.place(batch);
      passes.write(Array.from(placed, (image) => ({ ...neutralView, image })));
      submit(gpu, passes.launches);
      const floats = await readFloats(gpu, output);
      results.push(...floats.filter((_, i) => i % 4 === 0));
    }
    passes.destroy();
    block.destroy();
    output.destroy();
    return { results, bytes: block.bytes };
  };
  const [all, some] = [await seen(2 ** 20), await seen(0)];
  assert.ok(some.bytes < all.bytes, "only a batch lies on the GPU");
  assert.deepEqual(some.results, all.results);
  const expected = [6, 0, 3, 1, 5, 5].flatMap((i) => [...data.slice(i * 25, i * 25 + 25)]);
  all.results.forEach((value, i) => assert.ok(Math.abs(value - expected[i] / 65535) < 1e-5));
  gpu.check();
  gpu.device.destroy();
});
