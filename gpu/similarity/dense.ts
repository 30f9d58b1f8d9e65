/** Pairs of feature vectors of one length, computed as dense tiles. */
import { createBuffer, readBuffers } from "../buffer.ts";
import type { Gpu } from "../device.ts";
import { type Kernel, launch, type Params, release, submit } from "../kernel.ts";
import type { Pairs, Span } from "./pairs.ts";

export interface DenseKernel {
  kernel: Kernel;
  /** Features of all comparands by binding name; freed with the pairs. Each pair's value goes to `s`. */
  bind: Record<string, GPUBuffer>;
  /** Parameters besides rowFrom, columnFrom, rows and columns. */
  params?: Params;
  /** Columns and rows that a workgroup makes. */
  block: [number, number];
  /** Comparands per side of a tile. */
  side: number;
  /** [comparands]: pairs of an invalid comparand are NaN. */
  valid: boolean[];
}

/** Tiles of [rows, columns] of one value per pair. */
export function densePairs(gpu: Gpu, made: DenseKernel): Pairs {
  const { kernel, bind, block, side, valid } = made;
  let s: GPUBuffer | undefined;

  async function tile(rows: Span, columns: Span): Promise<Float32Array> {
    const bytes = rows.count * columns.count * 4;
    if (bytes === 0) return new Float32Array(0);
    if (!s || s.size < bytes) {
      s?.destroy();
      s = createBuffer(gpu, bytes, `${kernel.name} s`);
    }
    const launches = [launch(gpu, kernel, {
      bind: { ...bind, s },
      params: {
        rowFrom: rows.from,
        columnFrom: columns.from,
        rows: rows.count,
        columns: columns.count,
        ...made.params,
      },
      grid: [Math.ceil(columns.count / block[0]), Math.ceil(rows.count / block[1])],
    })];
    submit(gpu, launches);
    release(launches);
    const [read] = await readBuffers(gpu, [{ buffer: s, bytes }]);
    const values = new Float32Array(read);
    for (let row = 0; row < rows.count; row++) {
      if (valid[rows.from + row]) continue;
      values.fill(NaN, row * columns.count, (row + 1) * columns.count);
    }
    for (let column = 0; column < columns.count; column++) {
      if (valid[columns.from + column]) continue;
      for (let at = column; at < values.length; at += columns.count) values[at] = NaN;
    }
    return values;
  }

  return {
    components: 1,
    side,
    tile,
    destroy() {
      for (const buffer of Object.values(bind)) buffer.destroy();
      s?.destroy();
    },
  };
}
