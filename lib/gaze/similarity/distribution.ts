/** How the similarities of all pairs are spread. */
import { z } from "zod";
import type { Sink, Tile } from "./tiles.ts";

/** Plain data, kept beside a matrix; pairs are i < j. */
export const distributionSchema = z.object({
  from: z.number().describe("Lower end of the first bin"),
  to: z.number().describe("Upper end of the last; bins are equal"),
  counts: z.array(z.number()),
  pairs: z.number().describe("Pairs with a value"),
  invalid_pairs: z.number().describe("Pairs without one"),
  mean: z.number().nullable(),
  min: z.number().nullable(),
  max: z.number().nullable(),
});
export type DistributionData = z.output<typeof distributionSchema>;

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
