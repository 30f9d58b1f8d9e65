/** Resizing: each target pixel is the mean of its area when shrinking, bilinear when growing. */
import { bilinearAxis } from "./bilinear.ts";
import { type Raster, raster } from "./raster.ts";

/** Source samples and weights of every target sample along one axis. */
interface Taps {
  first: Int32Array;
  count: Int32Array;
  /** [length, most taps] */
  weights: Float64Array;
  stride: number;
}

function axisTaps(from: number, to: number): Taps {
  const scale = from / to;
  const stride = scale > 1 ? Math.ceil(scale) + 1 : 2;
  const taps = {
    first: new Int32Array(to),
    count: new Int32Array(to),
    weights: new Float64Array(to * stride),
    stride,
  };
  const { low, high, part } = bilinearAxis(from, to);
  for (let i = 0; i < to; i++) {
    if (scale > 1) {
      const start = i * scale, end = Math.min(from, (i + 1) * scale);
      const first = Math.floor(start), last = Math.min(from, Math.ceil(end - 1e-9));
      taps.first[i] = first;
      taps.count[i] = last - first;
      for (let j = first; j < last; j++) {
        const covered = Math.min(end, j + 1) - Math.max(start, j);
        taps.weights[i * stride + j - first] = covered / (end - start);
      }
    } else {
      taps.first[i] = low[i];
      taps.count[i] = high[i] - low[i] + 1;
      taps.weights[i * stride] = 1 - part[i];
      taps.weights[i * stride + 1] = part[i];
    }
  }
  return taps;
}

/**
 * Resizes a picture that comes row by row, each axis by its own factor, and holds no more than a
 * few of its rows. The result has the source's channels and bits.
 */
export class RowResizer {
  readonly raster: Raster;
  readonly #across: Taps;
  readonly #down: Taps;
  /** Source rows at the target's width that are still needed, by number. */
  readonly #rows = new Map<number, Float64Array>();
  readonly #sum: Float64Array;
  #source = 0;
  #target = 0;

  constructor(source: Omit<Raster, "data">, width: number, height: number) {
    this.#across = axisTaps(source.width, width);
    this.#down = axisTaps(source.height, height);
    this.raster = raster(width, height, source.channels, source.bits);
    this.#sum = new Float64Array(width * source.channels);
  }

  /** The next row of the source: [width * channels], from `start` on. */
  push(data: Raster["data"], start = 0): void {
    const down = this.#down;
    const { height } = this.raster;
    const y = this.#source++;
    const target = this.#target;
    // A source row between the last target's and the next one's is never looked at.
    if (target >= height || y < down.first[target]) return;
    this.#rows.set(y, this.#shrink(data, start));
    while (this.#target < height) {
      const first = down.first[this.#target];
      for (const row of this.#rows.keys()) if (row < first) this.#rows.delete(row);
      if (first + down.count[this.#target] - 1 > y) break;
      this.#emit(this.#target++);
    }
  }

  #emit(y: number): void {
    const { data } = this.raster;
    const sum = this.#sum.fill(0);
    const { first, count, weights, stride } = this.#down;
    for (let j = 0; j < count[y]; j++) {
      const row = this.#rows.get(first[y] + j)!;
      const weight = weights[y * stride + j];
      for (let i = 0; i < sum.length; i++) sum[i] += weight * row[i];
    }
    const at = y * sum.length;
    for (let i = 0; i < sum.length; i++) data[at + i] = Math.round(sum[i]);
  }

  /** One row of the source at the target's width: [width * channels]. */
  #shrink(data: Raster["data"], start: number): Float64Array {
    const { first, count, weights, stride } = this.#across;
    const { width, channels } = this.raster;
    const row = new Float64Array(width * channels);
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) {
        let value = 0;
        let at = start + first[x] * channels + c;
        for (let j = 0; j < count[x]; j++, at += channels) {
          value += weights[x * stride + j] * data[at];
        }
        row[x * channels + c] = value;
      }
    }
    return row;
  }
}

/** A whole picture at another size; itself where the size is its own. */
export function resize(source: Raster, width: number, height: number): Raster {
  if (source.width === width && source.height === height) return source;
  const resizer = new RowResizer(source, width, height);
  const stride = source.width * source.channels;
  for (let y = 0; y < source.height; y++) resizer.push(source.data, y * stride);
  return resizer.raster;
}
