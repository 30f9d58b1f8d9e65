/** Maps over a picture: where readers looked, and what a network answers, painted on a canvas with their own alpha. */
import { colourAt } from "../colours.js";
import { h, s } from "../dom.js";

/** Cells of the longer side; a Gaussian needs no more. */
const CELLS = 256;
/** Standard deviation as a share of the longer side: the server's own maps have the same. */
const SIGMA = 0.03775;

/**
 * Where was looked, each fixation by its duration, divided by its maximum.
 * @param {{width: number, height: number}} image px
 * @param {{x: number, y: number, duration: number}[]} fixations image px, s
 * @returns {{columns: number, rows: number, values: Float32Array}}
 */
export function gazeGrid({ width, height }, fixations) {
  const scale = Math.min(1, CELLS / Math.max(width, height));
  const columns = Math.max(1, Math.round(width * scale));
  const rows = Math.max(1, Math.round(height * scale));
  const values = new Float32Array(columns * rows);
  const sigma = SIGMA * Math.max(width, height) * scale;
  const reach = Math.ceil(4 * sigma);
  const bell = (at, from, to) =>
    Float32Array.from(
      { length: to - from },
      (_, i) => Math.exp(-(((from + i - at) / sigma) ** 2) / 2),
    );
  for (const { x, y, duration } of fixations) {
    const [column, row] = [x * columns / width - 0.5, y * rows / height - 0.5];
    const left = Math.max(0, Math.floor(column - reach));
    const right = Math.min(columns, Math.ceil(column + reach));
    const top = Math.max(0, Math.floor(row - reach));
    const bottom = Math.min(rows, Math.ceil(row + reach));
    if (left >= right || top >= bottom) continue;
    const across = bell(column, left, right);
    const down = bell(row, top, bottom);
    for (let j = top; j < bottom; j++) {
      const factor = duration * down[j - top];
      for (let i = left; i < right; i++) values[j * columns + i] += factor * across[i - left];
    }
  }
  const most = values.reduce((a, b) => Math.max(a, b), 0) || 1;
  for (let i = 0; i < values.length; i++) values[i] /= most;
  return { columns, rows, values };
}

/**
 * @param {{columns: number, rows: number, values: ArrayLike<number>}} grid values 0 to 1
 * @param {"inferno" | "viridis"} scale
 * @param {(value: number) => number} alpha 0 to 1, of a value
 */
export function paintedMap({ columns, rows, values }, scale, alpha) {
  const canvas = h("canvas", {
    width: columns,
    height: rows,
    class: "layer",
    "aria-hidden": "true",
  });
  const context = canvas.getContext("2d");
  const picture = context.createImageData(columns, rows);
  // Colours of 256 steps are looked up, not computed cell by cell.
  const steps = Array.from({ length: 256 }, (_, step) => colourAt(scale, step / 255));
  for (let i = 0; i < values.length; i++) {
    const value = Math.min(1, Math.max(0, values[i]));
    const [red, green, blue] = steps[Math.round(255 * value)];
    picture.data.set([red, green, blue, Math.round(255 * alpha(value))], 4 * i);
  }
  context.putImageData(picture, 0, 0);
  return canvas;
}

/** Nothing where nobody looked, growing to opaque. */
export const gazeAlpha = (value) => Math.min(1, value * 2.2);

/**
 * A network's map as the API answers it, stretched from its least to its greatest value.
 * @returns {{grid: {columns: number, rows: number, values: number[]}, low: number, high: number}}
 */
export function networkGrid({ values, width, height }) {
  const flat = values.flat();
  const low = flat.reduce((a, b) => Math.min(a, b), Infinity);
  const high = flat.reduce((a, b) => Math.max(a, b), -Infinity);
  const range = high - low || 1;
  return {
    grid: { columns: width, rows: height, values: flat.map((value) => (value - low) / range) },
    low,
    high,
  };
}

/** Lines between the cells of the network's last map, which is all that it tells apart. */
export function cellLines({ columns, rows }, { width, height }) {
  const lines = [];
  for (let i = 1; i < columns; i++) {
    lines.push(`M${i * width / columns} 0V${height}`);
  }
  for (let j = 1; j < rows; j++) lines.push(`M0 ${j * height / rows}H${width}`);
  return s(
    "svg",
    { class: "layer cells", viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" },
    s("path", { d: lines.join("") }),
  );
}
