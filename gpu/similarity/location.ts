/** Measures that compare two heatmaps cell by cell: they see where gaze was. */
import ccCode from "@/kernels/cc_pairs.wgsl" with { type: "text" };
import distributionCode from "@/kernels/heatmap_distribution.wgsl" with { type: "text" };
import histogramCode from "@/kernels/histogram_pairs.wgsl" with { type: "text" };
import klCode from "@/kernels/kl_pairs.wgsl" with { type: "text" };
import standardizeCode from "@/kernels/heatmap_standardize.wgsl" with { type: "text" };
import { createBuffer } from "../buffer.ts";
import type { Gpu } from "../device.ts";
import { kernel, launch, type Params, release, submit } from "../kernel.ts";
import { densePairs } from "./dense.ts";
import type { Maps } from "./heatmaps.ts";
import type { Pairs } from "./pairs.ts";

/** Pearson correlation of all maps; they may be freed afterwards. */
export function ccPairs(gpu: Gpu, maps: Maps, options: { valid: boolean[] }): Pairs {
  const z = prepared(gpu, maps, { code: standardizeCode, name: "z" });
  return cellPairs(gpu, maps, { code: ccCode, bind: { z }, ...options });
}

/** Shared mass of all maps as distributions. */
export function histogramPairs(gpu: Gpu, maps: Maps, options: { valid: boolean[] }): Pairs {
  const params = { epsilon: 0, pad: 0 };
  const p = prepared(gpu, maps, { code: distributionCode, name: "p", params });
  return cellPairs(gpu, maps, { code: histogramCode, bind: { p }, ...options });
}

/** exp of minus the mean of both Kullback-Leibler divergences of all maps as distributions. */
export function klPairs(
  gpu: Gpu,
  maps: Maps,
  options: { valid: boolean[]; epsilon: number },
): Pairs {
  const { epsilon, valid } = options;
  // Padding cells are alike in all maps, and their logarithm is 0.
  const params = { epsilon, pad: 1 };
  const p = prepared(gpu, maps, { code: distributionCode, name: "p", params });
  return cellPairs(gpu, maps, { code: klCode, bind: { p }, valid });
}

const paddedCells = ({ columns, rows }: Maps) => Math.ceil(columns * rows / 4) * 4;

function prepared(
  gpu: Gpu,
  maps: Maps,
  { code, name, params }: { code: string; name: string; params?: Params },
): GPUBuffer {
  const padded = paddedCells(maps);
  const out = createBuffer(gpu, maps.count * padded * 4, `maps ${name}`);
  if (maps.count === 0) return out;
  const launches = [launch(gpu, kernel(gpu, code), {
    bind: { x: maps.buffer, [name]: out },
    params: { maps: maps.count, cells: maps.columns * maps.rows, padded, ...params },
    grid: [Math.ceil(maps.count / 64)],
  })];
  submit(gpu, launches);
  release(launches);
  return out;
}

function cellPairs(
  gpu: Gpu,
  maps: Maps,
  options: { code: string; bind: Record<string, GPUBuffer>; valid: boolean[] },
): Pairs {
  const padded = paddedCells(maps);
  // A software device takes about a second per 2 G products.
  const pairs = gpu.info.software ? 2 ** 29 / padded : 2 ** 22;
  const side = Math.max(64, Math.min(2048, 2 ** Math.floor(Math.log2(Math.sqrt(pairs)))));
  return densePairs(gpu, {
    kernel: kernel(gpu, options.code),
    bind: options.bind,
    params: { quarters: padded / 4 },
    block: [32, 32],
    side,
    valid: options.valid,
  });
}
