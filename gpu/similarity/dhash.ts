import bitCode from "@/kernels/dhash_bits.wgsl" with { type: "text" };
import pairCode from "@/kernels/dhash_pairs.wgsl" with { type: "text" };
import { createBuffer } from "../buffer.ts";
import type { Gpu } from "../device.ts";
import { kernel, launch, release, submit } from "../kernel.ts";
import { densePairs } from "./dense.ts";
import type { Maps } from "./heatmaps.ts";
import type { Pairs } from "./pairs.ts";

/** Cosine of the difference hashes of maps of 8 rows x 9 columns; the maps may be freed afterwards. */
export function dhashPairs(gpu: Gpu, maps: Maps, options: { valid: boolean[] }): Pairs {
  const b = createBuffer(gpu, maps.count * 8, "dhash_bits b");
  if (maps.count > 0) {
    const launches = [launch(gpu, kernel(gpu, bitCode), {
      bind: { x: maps.buffer, b },
      params: { maps: maps.count },
      grid: [Math.ceil(maps.count / 64)],
    })];
    submit(gpu, launches);
    release(launches);
  }
  return densePairs(gpu, {
    kernel: kernel(gpu, pairCode),
    bind: { b },
    block: [64, 1],
    // Smaller where the device shares the memory of the process.
    side: gpu.info.software ? 1024 : 2048,
    valid: options.valid,
  });
}
