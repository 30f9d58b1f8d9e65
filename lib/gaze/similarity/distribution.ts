/** How the similarities of all pairs are spread. */
import type { Sink, Tile } from "./tiles.ts";

/** Plain data, kept beside a matrix; pairs are i < j. */
export interface DistributionData {
  /** Lower end of the first bin, upper end of the last; bins are equal. */
  from: number;
  to: number;
  counts: number[];
  /** Pairs with a value, and without one. */
  pairs: number;
  invalid_pairs: number;
  mean: number | null;
  min: number | null;
  max: number | null;
}

const BINS = 100;

/** Counts the first component of every pair i < j. */
export class Distribution implements Sink {
  readonly #counts = new Float64Array(BINS);
  #sum = 0;
  #invalid = 0;
  #min = Infinity;
  #max = -Infinity;

  constructor(readonly range: [number, number]) {}

  add({ rows, columns, values }: Tile): void {
    const [from, to] = this.range;
    const scale = BINS / (to - from);
    const counts = this.#counts;
    let sum = 0, invalid = 0, min = this.#min, max = this.#max;
    const diagonal = rows.from === columns.from;
    for (let row = 0; row < rows.count; row++) {
      const start = row * columns.count;
      for (let column = diagonal ? row + 1 : 0; column < columns.count; column++) {
        const value = values[start + column];
        // Only NaN fails both comparisons.
        if (!(value > min || value <= min)) {
          invalid++;
          continue;
        }
        if (value < min) min = value;
        if (value > max) max = value;
        sum += value;
        const bin = (value - from) * scale | 0;
        counts[bin < 0 ? 0 : bin >= BINS ? BINS - 1 : bin]++;
      }
    }
    this.#sum += sum;
    this.#invalid += invalid;
    this.#min = min;
    this.#max = max;
  }

  get data(): DistributionData {
    const pairs = this.#counts.reduce((a, b) => a + b, 0);
    const [from, to] = this.range;
    return {
      from,
      to,
      counts: [...this.#counts],
      pairs,
      invalid_pairs: this.#invalid,
      mean: pairs ? this.#sum / pairs : null,
      min: pairs ? this.#min : null,
      max: pairs ? this.#max : null,
    };
  }
}
