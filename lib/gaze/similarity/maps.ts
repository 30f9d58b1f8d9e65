/** Heatmaps of comparands on the GPU, for the measures that compare them. */
import { z } from "zod";
import type { Gpu } from "@/gpu/device.ts";
import type { GridSize, Maps, MapSource } from "@/gpu/similarity/heatmaps.ts";
import { InvalidInput } from "@/lib/errors.ts";
import { type HeatmapOptions, heatmapPoints, PUBLISHED, weightOf } from "../heatmap.ts";
import type { Comparand } from "./measure.ts";
import { bilinear } from "@/lib/images/bilinear.ts";
import type { Raster } from "@/lib/images/raster.ts";
import { resize } from "@/lib/images/resize.ts";

/** Side of the square grid that a map is laid on, whatever the image's shape. */
export const mapSize = z.int().min(4).max(256).default(32);

/**
 * Maps of all comparands, [rows, columns]. With `parity` whole numbers to 255, made at 800x800 and resized;
 * else 0 to 1. A comparand without gaze on its image, or with a picture of one grey, is not valid.
 */
export async function comparandMaps(
  gpu: Gpu,
  comparands: Comparand[],
  size: GridSize,
  options: HeatmapOptions,
  pause?: () => Promise<void>,
): Promise<{ maps: Maps; valid: boolean[]; used: Pick<Required<HeatmapOptions>, "weight"> }> {
  const { renderMaps } = await import("@/gpu/similarity/heatmaps.ts");
  if (comparands.length * size.columns * size.rows * 4 > gpu.limits.maxStorageBufferBindingSize) {
    throw new InvalidInput(
      `Cannot hold ${comparands.length} heatmaps of ${size.columns} x ${size.rows} on this GPU: ` +
        "a smaller size is needed",
    );
  }
  const { parity } = options;
  const grid = parity ? { columns: PUBLISHED.size, rows: PUBLISHED.size } : size;
  const valid: boolean[] = [];
  const sources: MapSource[] = [];
  for (const comparand of comparands) {
    if (comparand.map) {
      const cells = pictureCells(await comparand.map(), size, parity);
      await pause?.();
      valid.push(cells !== undefined);
      sources.push({ cells: cells ?? new Float32Array(size.columns * size.rows) });
    } else {
      const source = onImage(comparand);
      sources.push(heatmapPoints(source, grid, options));
      valid.push(source.fixations.length > 0);
    }
  }
  return {
    maps: await renderMaps(gpu, sources, { grid, size, levels: parity ? 255 : 0, onBatch: pause }),
    valid,
    used: { weight: weightOf(options) },
  };
}

/** Without fixations off the image, or without duration. */
function onImage(comparand: Comparand): Comparand {
  const fixations = comparand.fixations.filter(({ x, y, duration }) =>
    x >= 0 && y >= 0 && x < comparand.width && y < comparand.height && duration > 0
  );
  return { ...comparand, fixations };
}

/**
 * A ready-made map on the grid: in parity bilinear without antialiasing, rounded; else area means, scaled
 * to 1. Undefined when all of it has one grey.
 */
function pictureCells(
  picture: Raster,
  size: GridSize,
  parity: boolean,
): Float32Array<ArrayBuffer> | undefined {
  const grey = greyOf(picture);
  let cells: Float32Array<ArrayBuffer>;
  if (parity) cells = sample(grey, size);
  else {
    const { data } = resize(grey, size.columns, size.rows);
    cells = Float32Array.from(data);
    const most = cells.reduce((a, b) => Math.max(a, b), 1);
    cells.forEach((value, at) => cells[at] = value / most);
  }
  return cells.some((value) => value !== cells[0]) ? cells : undefined;
}

/** One channel, by the luma of colours (as OpenCV reads a colour picture as grey); 16 bits stay. */
function greyOf(picture: Raster): Raster {
  if (picture.channels === 1) return picture;
  const { width, height, data } = picture;
  const grey = data.slice(0, width * height);
  for (let i = 0; i < grey.length; i++) {
    grey[i] = Math.round(0.299 * data[3 * i] + 0.587 * data[3 * i + 1] + 0.114 * data[3 * i + 2]);
  }
  return { ...picture, channels: 1, data: grey };
}

/** Bilinear with half-pixel centres, rounded. */
function sample({ width, height, data }: Raster, { columns, rows }: GridSize) {
  const cells = new Float32Array(columns * rows);
  const grid = { columns: width, rows: height, values: data };
  bilinear(
    grid,
    { width: columns, height: rows },
    (cell, value) => cells[cell] = Math.round(value),
  );
  return cells;
}
