/** Gaussian heatmaps of many point sets, rendered in batches, scaled by their maximum, resized. */
import maxCode from "@/kernels/heatmap_max.wgsl" with { type: "text" };
import profileCode from "@/kernels/heatmap_profile.wgsl" with { type: "text" };
import renderCode from "@/kernels/heatmap_render.wgsl" with { type: "text" };
import resizeCode from "@/kernels/heatmap_resize.wgsl" with { type: "text" };
import { createBuffer, writeBuffer } from "../buffer.ts";
import type { Gpu } from "../device.ts";
import { kernel, launch, release, submit } from "../kernel.ts";

/** The points of one map in cells of its grid, and the Gaussian's widths there. */
export interface MapPoints {
  /** [n, 3]: column, row (cell centres are whole numbers), weight. */
  points: Float32Array<ArrayBuffer>;
  /** Standard deviation in columns and rows. */
  sigma: [number, number];
  /** Distance in columns and rows beyond which the Gaussian is cut off. */
  reach: [number, number];
  /** Whether the Gaussian is mirrored at the border (OpenCV's reflect_101). */
  mirror: boolean;
}

/** A map to make: from points, or given as it is, [rows, columns] of the resized grid. */
export type MapSource = MapPoints | { cells: Float32Array<ArrayBuffer> };

export interface GridSize {
  columns: number;
  rows: number;
}

/** Maps on the GPU, f32 [count, rows, columns]. */
export interface Maps extends GridSize {
  count: number;
  buffer: GPUBuffer;
  destroy(): void;
}

/** Bytes of full-size maps held at a time. */
const BATCH_BYTES = 64 * 2 ** 20;

/**
 * Renders on `grid`, divides by each map's maximum, resizes to `size`.
 * @param options.levels values become whole numbers 0 to `levels`, cut down before and rounded after
 *   resizing (as 8-bit pictures are); without it they stay between 0 and 1
 * @param options.onBatch called between batches
 */
export async function renderMaps(
  gpu: Gpu,
  sources: MapSource[],
  options: {
    grid: GridSize;
    size?: GridSize;
    levels?: number;
    onBatch?: () => Promise<void>;
  },
): Promise<Maps> {
  const { grid, size = grid, levels = 0 } = options;
  const cells = grid.columns * grid.rows;
  const buffer = createBuffer(gpu, sources.length * size.columns * size.rows * 4, "maps");
  const room = Math.min(BATCH_BYTES, gpu.limits.maxStorageBufferBindingSize);
  const mostMaps = Math.max(1, Math.min(sources.length, 1024, Math.floor(room / (cells * 4))));
  const mostPoints = Math.min(65_535, Math.floor(room / (4 * (grid.columns + grid.rows + 6))));
  const y = createBuffer(gpu, mostMaps * cells * 4, "heatmap_render y");
  const most = createBuffer(gpu, mostMaps * 4, "heatmap_max most");
  for (let from = 0; from < sources.length;) {
    let to = from, points = 0;
    while (to < sources.length && to - from < mostMaps) {
      points += pointCount(sources[to]);
      if (to > from && points > mostPoints) break;
      to++;
    }
    const part = sources.slice(from, to);
    renderBatch(gpu, part, { grid, size, levels, y, most, buffer, from });
    part.forEach((source, at) => {
      if (!("cells" in source)) return;
      writeBuffer(gpu, buffer, source.cells, (from + at) * source.cells.byteLength);
    });
    from = to;
    if (to < sources.length) {
      // The queue stays short, so that other work on the device need not wait for all maps.
      await gpu.device.queue.onSubmittedWorkDone();
      await options.onBatch?.();
    }
  }
  y.destroy();
  most.destroy();
  return { count: sources.length, ...size, buffer, destroy: () => buffer.destroy() };
}

function pointCount(source: MapSource): number {
  return "cells" in source ? 0 : source.points.length / 3;
}

function renderBatch(
  gpu: Gpu,
  sources: MapSource[],
  to: {
    grid: GridSize;
    size: GridSize;
    levels: number;
    y: GPUBuffer;
    most: GPUBuffer;
    buffer: GPUBuffer;
    from: number;
  },
): void {
  const { grid: { columns, rows }, size, y, most } = to;
  const { records, spans } = pack(sources);
  const count = records.length / 8;
  if (count === 0) return;
  const paddedColumns = Math.ceil(columns / 4) * 4, paddedRows = Math.ceil(rows / 4) * 4;
  const width = paddedColumns + paddedRows;
  const points = createBuffer(gpu, records, "heatmap points");
  const span = createBuffer(gpu, spans, "heatmap spans");
  const g = createBuffer(gpu, count * width * 4, "heatmap_profile g");
  const launches = [
    launch(gpu, kernel(gpu, profileCode), {
      bind: { points, g },
      params: {
        points: count,
        columns: paddedColumns,
        rows: paddedRows,
        lastColumn: columns - 1,
        lastRow: rows - 1,
      },
      grid: [Math.ceil(width / 64), count],
    }),
    launch(gpu, kernel(gpu, renderCode), {
      bind: { points, spans: span, g, y },
      params: { columns, rows, paddedColumns, paddedRows },
      grid: [Math.ceil(columns / 32), Math.ceil(rows / 32), sources.length],
    }),
    launch(gpu, kernel(gpu, maxCode), {
      bind: { y, most },
      params: { cells: columns * rows },
      grid: [sources.length],
    }),
    launch(gpu, kernel(gpu, resizeCode), {
      bind: { y, most, s: to.buffer },
      params: {
        columns,
        rows,
        toColumns: size.columns,
        toRows: size.rows,
        maps: sources.length,
        first: to.from,
        steps: to.levels,
      },
      grid: [Math.ceil(size.columns * size.rows / 64), sources.length],
    }),
  ];
  submit(gpu, launches);
  release(launches);
  for (const made of [points, span, g]) made.destroy();
}

/** The records of all points, and where each map's begin, [maps + 1]. */
function pack(sources: MapSource[]): {
  records: Float32Array<ArrayBuffer>;
  spans: Uint32Array<ArrayBuffer>;
} {
  const spans = new Uint32Array(sources.length + 1);
  sources.forEach((source, at) => {
    spans[at + 1] = spans[at] + pointCount(source);
  });
  const records = new Float32Array(spans[sources.length] * 8);
  sources.forEach((source, map) => {
    if ("cells" in source) return;
    const { points, sigma, reach, mirror } = source;
    for (let at = 0; at < points.length; at += 3) {
      records.set(
        [
          points[at],
          points[at + 1],
          points[at + 2],
          sigma[0],
          reach[0],
          sigma[1],
          reach[1],
          Number(mirror),
        ],
        (spans[map] + at / 3) * 8,
      );
    }
  });
  return { records, spans };
}
