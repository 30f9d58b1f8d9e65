/** Resizing: each target pixel is the mean of its area when shrinking, bilinear when growing. */
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
      // Pixel centres, edges repeated.
      const centre = Math.min(from - 1, Math.max(0, (i + 0.5) * scale - 0.5));
      const first = Math.min(Math.floor(centre), Math.max(0, from - 2));
      taps.first[i] = first;
      taps.count[i] = Math.min(2, from);
      taps.weights[i * stride] = 1 - (centre - first);
      taps.weights[i * stride + 1] = centre - first;
    }
  }
  return taps;
}

/** Each axis by its own factor; the result has the source's channels and bits. */
export function resize(source: Raster, width: number, height: number): Raster {
  if (source.width === width && source.height === height) return source;
  const { channels } = source;
  const across = axisTaps(source.width, width);
  const down = axisTaps(source.height, height);
  const out = raster(width, height, channels, source.bits);
  const sum = new Float64Array(width * channels);
  // Rows are shrunk once each; neighbouring targets share at most one or two of them.
  const rows = new Map<number, Float64Array>();
  for (let y = 0; y < height; y++) {
    sum.fill(0);
    const first = down.first[y];
    for (const row of rows.keys()) if (row < first) rows.delete(row);
    for (let j = 0; j < down.count[y]; j++) {
      let row = rows.get(first + j);
      if (!row) rows.set(first + j, row = shrinkRow(source, first + j, across, width));
      const weight = down.weights[y * down.stride + j];
      for (let i = 0; i < sum.length; i++) sum[i] += weight * row[i];
    }
    const at = y * width * channels;
    for (let i = 0; i < sum.length; i++) out.data[at + i] = Math.round(sum[i]);
  }
  return out;
}

/** One row of the source at the target's width: [width * channels]. */
function shrinkRow(source: Raster, y: number, across: Taps, width: number): Float64Array {
  const { channels, data } = source;
  const start = y * source.width * channels;
  const row = new Float64Array(width * channels);
  for (let x = 0; x < width; x++) {
    for (let c = 0; c < channels; c++) {
      let value = 0;
      let at = start + across.first[x] * channels + c;
      for (let j = 0; j < across.count[x]; j++, at += channels) {
        value += across.weights[x * across.stride + j] * data[at];
      }
      row[x * channels + c] = value;
    }
  }
  return row;
}
