/** Full matrices of similarity, in memory or written to a file as they come. */
import type { Sink, Tile } from "./tiles.ts";

/** Up to this many images the full matrix is kept. */
export const MATRIX_LIMIT = 8000;

/** Where a row of a tile goes: start in the matrix, and the values. */
function* rowsOf(
  { rows, columns, values }: Tile,
  n: number,
  components: number,
): Generator<[start: number, values: Float32Array]> {
  for (let component = 0; component < components; component++) {
    const base = component * rows.count * columns.count;
    for (let row = 0; row < rows.count; row++) {
      const start = (component * n + rows.from + row) * n + columns.from;
      const from = base + row * columns.count;
      yield [start, values.subarray(from, from + columns.count)];
    }
    if (rows.from === columns.from) continue;
    for (let column = 0; column < columns.count; column++) {
      const mirrored = new Float32Array(rows.count);
      for (let row = 0; row < rows.count; row++) {
        mirrored[row] = values[base + row * columns.count + column];
      }
      yield [(component * n + columns.from + column) * n + rows.from, mirrored];
    }
  }
}

/** [components, n, n] in memory. */
export class Matrix implements Sink {
  readonly values: Float32Array<ArrayBuffer>;

  constructor(readonly n: number, readonly components: number) {
    this.values = new Float32Array(components * n * n);
  }

  add(tile: Tile): void {
    for (const [start, values] of rowsOf(tile, this.n, this.components)) {
      this.values.set(values, start);
    }
  }
}

/** The same, f32 little endian, in an open file. */
export class MatrixFile implements Sink {
  constructor(readonly file: Deno.FsFile, readonly n: number, readonly components: number) {
    file.truncateSync(components * n * n * 4);
  }

  add(tile: Tile): void {
    for (const [start, values] of rowsOf(tile, this.n, this.components)) {
      this.file.seekSync(start * 4, Deno.SeekMode.Start);
      const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      for (let at = 0; at < bytes.length;) at += this.file.writeSync(bytes.subarray(at));
    }
  }
}
