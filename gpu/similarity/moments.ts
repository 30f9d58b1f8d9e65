import featureCode from "@/kernels/heatmap_moments.wgsl" with { type: "text" };
import pairCode from "@/kernels/moments_pairs.wgsl" with { type: "text" };
import { createBuffer, readFloats } from "../buffer.ts";
import type { Gpu } from "../device.ts";
import { kernel, launch, release, submit } from "../kernel.ts";
import { densePairs } from "./dense.ts";
import type { Maps } from "./heatmaps.ts";
import type { Pairs } from "./pairs.ts";

/** M00 and the first Hu moment of every map: f32 [maps, 2]. */
function moments(gpu: Gpu, maps: Maps): GPUBuffer {
  const { count, columns, rows } = maps;
  const f = createBuffer(gpu, count * 8, "heatmap_moments f");
  if (count === 0) return f;
  const launches = [launch(gpu, kernel(gpu, featureCode), {
    bind: { x: maps.buffer, f },
    params: { maps: count, columns, rows },
    grid: [Math.ceil(count / 64)],
  })];
  submit(gpu, launches);
  release(launches);
  return f;
}

/** The same, read back: [maps, 2]. */
export async function readMoments(gpu: Gpu, maps: Maps): Promise<Float32Array<ArrayBuffer>> {
  const f = moments(gpu, maps);
  const values = await readFloats(gpu, f, maps.count * 2);
  f.destroy();
  return values;
}

/** Similarity of all maps by their moments; the maps may be freed afterwards. */
export function momentsPairs(
  gpu: Gpu,
  maps: Maps,
  options: { weights: { m00: number; i1: number }; valid: boolean[] },
): Pairs {
  return densePairs(gpu, {
    kernel: kernel(gpu, pairCode),
    bind: { f: moments(gpu, maps) },
    params: { weights: [options.weights.m00, options.weights.i1] },
    block: [64, 1],
    // Smaller where the device shares the memory of the process.
    side: gpu.info.software ? 1024 : 2048,
    valid: options.valid,
  });
}
