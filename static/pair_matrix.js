/** A similarity matrix as a picture, ordered by label, with a bar of its colours: point at a cell, or go by arrow keys. */
import { colourAt, colourBar, themeColour } from "./colours.js";
import { h } from "./dom.js";
import { score } from "./format.js";
import { labelOrder } from "./pair_cut.js";

/** Share of pairs at either end of the scale that may lie beyond it: few extremes must not take all colours. */
const BEYOND = 0.01;
const BAND = 10;

/**
 * @param {{values: Float32Array, names: string[], labels: (string | null)[]}} given the diagonal is no pair, and is left
 *   grey
 * @param {(a: number, b: number) => void} onChoose rows of the pair
 */
export function matrixFigure({ values, names, labels }, onChoose) {
  const n = names.length;
  const order = labelOrder(labels);
  const { low, high } = scaleOf(values, n);
  const classes = [...new Set(order.map((i) => labels[i]))];
  const canvas = h("canvas", { width: n, height: n });
  const context = canvas.getContext("2d");
  context.putImageData(painted({ values, order, low, high, n }), 0, 0);
  const told = h(
    "p",
    { class: "hint", "aria-live": "polite" },
    "Point at a cell, or use the arrow keys.",
  );
  const marker = h("span", { class: "matrix-marker", hidden: true });
  let [row, column] = [0, Math.min(1, n - 1)];
  const tell = () => {
    const [a, b] = [order[row], order[column]];
    const value = values[a * n + b];
    const text = a === b ? "itself" : Number.isNaN(value) ? "no valid gaze" : score(value);
    told.textContent = `${named(a)} and ${named(b)}: ${text}`;
    marker.hidden = false;
    marker.style.left = `${100 * (column + 0.5) / n}%`;
    marker.style.top = `${100 * (row + 0.5) / n}%`;
  };
  const named = (i) => labels[i] === null ? names[i] : `${names[i]} (${labels[i]})`;
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    const place = (offset, side) => Math.min(n - 1, Math.max(0, Math.floor(offset / side * n)));
    row = place(event.clientY - box.top, box.height);
    column = place(event.clientX - box.left, box.width);
  };
  const choose = () => {
    if (row !== column) onChoose(order[row], order[column]);
  };
  const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  const press = (event) => {
    if (event.key === "Enter" || event.key === " ") choose();
    else if (moves[event.key]) {
      const step = event.shiftKey ? Math.max(1, Math.round(n / 20)) : 1;
      row = Math.min(n - 1, Math.max(0, row + step * moves[event.key][0]));
      column = Math.min(n - 1, Math.max(0, column + step * moves[event.key][1]));
      tell();
    } else return;
    event.preventDefault();
  };
  const surface = h(
    "div",
    {
      class: "matrix-surface",
      tabindex: "0",
      role: "application",
      "aria-label":
        `Similarity of ${n} images, ordered by label. Arrow keys move, Enter shows the pair.`,
      on: {
        pointermove: (event) => {
          at(event);
          tell();
        },
        click: (event) => {
          at(event);
          tell();
          choose();
        },
        keydown: press,
      },
    },
    canvas,
    marker,
  );
  return h(
    "figure",
    { class: "matrix" },
    h(
      "div",
      { class: "matrix-frame" },
      band(order, labels, classes, false),
      band(order, labels, classes, true),
      surface,
    ),
    h(
      "figcaption",
      { class: "stack" },
      h(
        "div",
        { class: "row between" },
        h(
          "span",
          { class: "row" },
          classes.map((label, i) =>
            h("span", { class: "key" }, h("i", { class: `class-${i % 6}` }), label ?? "no label")
          ),
        ),
        colourBar("viridis", { low: score(low), high: score(high), label: "Similarity" }),
      ),
      told,
    ),
  );
}

/** Pairs that the ends of the scale are found by: of many some, evenly. */
const LOOKED_AT = 50_000;

function scaleOf(values, n) {
  // Steps that share no factor with a row go through all of its columns.
  let step = Math.max(1, Math.ceil(n * n / LOOKED_AT));
  if (step > 1) { while (common(step, n) > 1) step++; }
  const found = [];
  for (let at = 0; at < n * n; at += step) {
    const [row, column] = [Math.floor(at / n), at % n];
    if (row !== column && values[at] === values[at]) found.push(values[at]);
  }
  const sorted = Float32Array.from(found).sort();
  return {
    low: sorted[Math.floor(BEYOND * (sorted.length - 1))] ?? 0,
    high: sorted[Math.ceil((1 - BEYOND) * (sorted.length - 1))] ?? 1,
  };
}

const common = (a, b) => b === 0 ? a : common(b, a % b);

function painted({ values, order, low, high, n }) {
  const picture = new ImageData(n, n);
  const pixels = new Uint32Array(picture.data.buffer);
  // Little endian, as every machine with a browser is: alpha, blue, green, red.
  const packed = (red, green, blue) => (255 << 24 | blue << 16 | green << 8 | red) >>> 0;
  const colours = Uint32Array.from(
    { length: 256 },
    (_, i) => packed(...colourAt("viridis", i / 255)),
  );
  const grey = packed(128, 128, 128);
  const scale = high > low ? 255 / (high - low) : 0;
  for (let y = 0; y < n; y++) {
    const start = order[y] * n;
    for (let x = 0; x < n; x++) {
      const value = values[start + order[x]];
      pixels[y * n + x] = x === y || value !== value
        ? grey
        : colours[Math.min(255, Math.max(0, Math.round((value - low) * scale)))];
    }
  }
  return picture;
}

/** The labels along an edge. */
function band(order, labels, classes, across) {
  const n = order.length;
  const canvas = h("canvas", {
    class: across ? "band across" : "band down",
    width: across ? n : BAND,
    height: across ? BAND : n,
    "aria-hidden": "true",
  });
  const context = canvas.getContext("2d");
  const colours = classes.map((_, i) => themeColour(`series-${i % 6 + 1}`));
  order.forEach((image, i) => {
    context.fillStyle = colours[classes.indexOf(labels[image])];
    if (across) context.fillRect(i, 0, 1, BAND);
    else context.fillRect(0, i, BAND, 1);
  });
  return canvas;
}
