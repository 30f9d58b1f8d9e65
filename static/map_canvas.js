/**
 * A network's map over a picture, with what it takes not to be misread: its grid drawn, its cells counted, a bar of its
 * colours, its opacity in hand, the chosen point marked.
 */
import { colourAt, colourBar } from "./colours.js";
import { h } from "./dom.js";

/** Longer side, pixels: grid and cross are as fine on a small picture. */
const SIDE = 480;

/**
 * @param {{image: HTMLImageElement | null, width: number, height: number, title: string, label: string}} picture
 *   `image` is null where a browser cannot show it; `width` and `height` in its own pixels
 * @param {{onPoint?: (x: number, y: number) => void}} options `onPoint` makes the picture a thing to point at
 * @returns {{element: HTMLElement, draw: (map: any, words: string, point?: {x: number, y: number}) => void}}
 */
export function mapCanvas({ image, width, height, title, label }, { onPoint } = {}) {
  const scale = SIDE / Math.max(width, height);
  const canvas = h("canvas", {
    width: Math.max(1, Math.round(width * scale)),
    height: Math.max(1, Math.round(height * scale)),
    role: "img",
    "aria-label": label,
  });
  const context = canvas.getContext("2d");
  const words = h("figcaption", { class: "hint", "aria-live": "polite" });
  const opacity = h("input", {
    type: "range",
    min: "0",
    max: "100",
    value: "55",
    "aria-label": `Opacity: ${title}`,
  });
  let shown;
  const paint = () => {
    context.globalAlpha = 1;
    context.fillStyle = "#000";
    context.fillRect(0, 0, canvas.width, canvas.height);
    if (image) context.drawImage(image, 0, 0, canvas.width, canvas.height);
    if (!shown) return;
    const { map, point } = shown;
    context.globalAlpha = opacity.value / 100;
    context.imageSmoothingEnabled = true;
    context.drawImage(layerOf(map), 0, 0, canvas.width, canvas.height);
    context.globalAlpha = 0.45;
    gridOf(context, canvas, map.grid);
    context.globalAlpha = 1;
    if (point) cross(context, point.x * scale, point.y * scale);
  };
  opacity.addEventListener("input", paint);
  if (onPoint) {
    canvas.setAttribute("tabindex", "0");
    canvas.setAttribute("role", "application");
    canvas.classList.add("pointed");
    let [x, y] = [width / 2, height / 2];
    canvas.addEventListener("click", (event) => {
      const box = canvas.getBoundingClientRect();
      [x, y] = [
        Math.min(width, Math.max(0, (event.clientX - box.left) / box.width * width)),
        Math.min(height, Math.max(0, (event.clientY - box.top) / box.height * height)),
      ];
      onPoint(x, y);
    });
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    canvas.addEventListener("keydown", (event) => {
      const move = moves[event.key];
      if (!move) return;
      event.preventDefault();
      x = Math.min(width, Math.max(0, x + move[0] * width / 16));
      y = Math.min(height, Math.max(0, y + move[1] * height / 16));
      onPoint(x, y);
    });
  }
  paint();
  const bar = h("div", { class: "row between" });
  return {
    element: h(
      "figure",
      { class: "map-figure" },
      h("strong", {}, title),
      canvas,
      h("label", { class: "inline" }, h("span", {}, "Map"), opacity),
      bar,
      words,
    ),
    draw(map, text, point) {
      shown = { map, point };
      const { columns, rows } = map.grid;
      bar.replaceChildren(
        colourBar("inferno", { low: "least", high: "most", label: title }),
        h("small", {}, `${columns} x ${rows} cells`),
        h("span", { class: "warn-text" }, map.warnings.map((text) => ` ${text}.`)),
      );
      words.textContent = text;
      paint();
    },
  };
}

/** The map in colours, from its least value to its greatest. */
function layerOf({ width, height, values }) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const layer = h("canvas", { width, height });
  const context = layer.getContext("2d");
  const picture = context.createImageData(width, height);
  values.forEach((value, i) => {
    const [red, green, blue] = colourAt("inferno", high > low ? (value - low) / (high - low) : 0);
    picture.data.set([red, green, blue, 255], 4 * i);
  });
  context.putImageData(picture, 0, 0);
  return layer;
}

function gridOf(context, { width, height }, { columns, rows }) {
  context.strokeStyle = "#fff";
  context.lineWidth = 1;
  context.beginPath();
  for (let column = 1; column < columns; column++) {
    context.moveTo(column * width / columns, 0);
    context.lineTo(column * width / columns, height);
  }
  for (let row = 1; row < rows; row++) {
    context.moveTo(0, row * height / rows);
    context.lineTo(width, row * height / rows);
  }
  context.stroke();
}

function cross(context, x, y) {
  for (const [colour, wide] of [["#000", 5], ["#fff", 2]]) {
    context.strokeStyle = colour;
    context.lineWidth = wide;
    context.beginPath();
    context.moveTo(x - 10, y);
    context.lineTo(x + 10, y);
    context.moveTo(x, y - 10);
    context.lineTo(x, y + 10);
    context.stroke();
  }
}
