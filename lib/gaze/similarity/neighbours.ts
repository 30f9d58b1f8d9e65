/** What is kept of very many images instead of the matrix: each image's nearest, and the nearest pairs of all. */
import type { Sink, Tile } from "./tiles.ts";

/** The k most similar images of every image; of equals those that come first. The first component counts. */
export class Neighbours implements Sink {
  /** [n, k] most similar first; -1 where there are fewer. */
  readonly indices: Int32Array<ArrayBuffer>;
  /** [n, k] NaN where there are fewer. */
  readonly values: Float32Array<ArrayBuffer>;
  readonly #counts: Uint32Array;
  /** A value must be above this to enter an image's list. */
  readonly #floors: Float32Array;

  constructor(readonly n: number, readonly k: number) {
    this.indices = new Int32Array(n * k).fill(-1);
    this.values = new Float32Array(n * k).fill(NaN);
    this.#counts = new Uint32Array(n);
    this.#floors = new Float32Array(n).fill(-Infinity);
  }

  add({ rows, columns, values }: Tile): void {
    const floors = this.#floors;
    const diagonal = rows.from === columns.from;
    for (let row = 0; row < rows.count; row++) {
      const i = rows.from + row, start = row * columns.count;
      for (let column = diagonal ? row + 1 : 0; column < columns.count; column++) {
        const j = columns.from + column, value = values[start + column];
        // NaN is above nothing.
        if (value > floors[i]) this.#insert(i, j, value);
        if (value > floors[j]) this.#insert(j, i, value);
      }
    }
  }

  #insert(of: number, other: number, value: number): void {
    const { k, indices, values } = this;
    const start = of * k;
    let at = start + Math.min(this.#counts[of], k - 1);
    for (; at > start && values[at - 1] < value; at--) {
      values[at] = values[at - 1];
      indices[at] = indices[at - 1];
    }
    values[at] = value;
    indices[at] = other;
    if (this.#counts[of] < k) this.#counts[of]++;
    if (this.#counts[of] === k) this.#floors[of] = values[start + k - 1];
  }
}

/** The most similar pairs i < j of all, at most `capacity`; of equals those that come first. */
export class TopPairs implements Sink {
  readonly #rows: Uint32Array<ArrayBuffer>;
  readonly #columns: Uint32Array<ArrayBuffer>;
  readonly #values: Float32Array<ArrayBuffer>;
  #count = 0;
  #floor = -Infinity;

  constructor(readonly capacity: number) {
    this.#rows = new Uint32Array(2 * capacity);
    this.#columns = new Uint32Array(2 * capacity);
    this.#values = new Float32Array(2 * capacity);
  }

  add({ rows, columns, values }: Tile): void {
    const diagonal = rows.from === columns.from;
    for (let row = 0; row < rows.count; row++) {
      const start = row * columns.count;
      for (let column = diagonal ? row + 1 : 0; column < columns.count; column++) {
        const value = values[start + column];
        if (!(value > this.#floor)) continue;
        this.#rows[this.#count] = rows.from + row;
        this.#columns[this.#count] = columns.from + column;
        this.#values[this.#count++] = value;
        if (this.#count === 2 * this.capacity) this.#prune();
      }
    }
  }

  /** Keeps the best `capacity`; whatever comes later must be above the least of them. */
  #prune(): void {
    if (this.#count <= this.capacity) return;
    const sorted = this.#values.slice(0, this.#count).sort();
    const floor = sorted[this.#count - this.capacity];
    let above = 0;
    for (let at = 0; at < this.#count; at++) if (this.#values[at] > floor) above++;
    let equals = this.capacity - above, kept = 0;
    for (let at = 0; at < this.#count; at++) {
      const value = this.#values[at];
      if (value < floor || (value === floor && equals-- <= 0)) continue;
      this.#rows[kept] = this.#rows[at];
      this.#columns[kept] = this.#columns[at];
      this.#values[kept++] = value;
    }
    this.#count = kept;
    this.#floor = floor;
  }

  /** Most similar first. All pairs above `above` are among them; null when all pairs are. */
  get pairs(): {
    rows: Uint32Array<ArrayBuffer>;
    columns: Uint32Array<ArrayBuffer>;
    values: Float32Array<ArrayBuffer>;
    above: number | null;
  } {
    this.#prune();
    const order = Uint32Array.from({ length: this.#count }, (_, at) => at);
    order.sort((a, b) => this.#values[b] - this.#values[a] || a - b);
    return {
      rows: Uint32Array.from(order, (at) => this.#rows[at]),
      columns: Uint32Array.from(order, (at) => this.#columns[at]),
      values: Float32Array.from(order, (at) => this.#values[at]),
      above: this.#floor === -Infinity ? null : this.#floor,
    };
  }
}
