/**
 * Points in the plane on a canvas: the picture of the point under the pointer, and a lasso that chooses several. By the
 * keyboard arrows go from point to point, and Space chooses.
 */
import { fill, h } from "./dom.js";
import { imagePath, picture } from "./picture.js";

const MARGIN = 24;
const RADIUS = 4.5;

/**
 * @param {{image: string, label: string | null, point: [number, number]}[]} points
 * @param {{name: string, signal: AbortSignal, colourOf: (point: any) => string, wordsOf: (point: any) => string,
 *   onLasso: (images: string[]) => void, label: string}} options
 * @returns {{element: HTMLElement, draw: () => void}}
 */
export function scatter(points, { name, signal, colourOf, wordsOf, onLasso, label }) {
  const canvas = h("canvas", {
    role: "application",
    tabindex: "0",
    "aria-label": `${label}. Arrow keys go from point to point, Space chooses one, Escape none.`,
  });
  const tip = h("div", { class: "scatter-tip", hidden: true, "aria-live": "polite" });
  const element = h("div", { class: "scatter" }, canvas, tip);
  const [xs, ys] = [0, 1].map((axis) => points.map(({ point }) => point[axis]));
  const extent = (values) => [Math.min(...values), Math.max(...values)];
  const [[left, right], [bottom, top]] = [extent(xs), extent(ys)];
  let placed = [];
  let lasso = [];
  let chosen = new Set();
  /** The point that the arrow keys have come to. */
  let current = -1;
  const draw = () => {
    const { clientWidth: width, clientHeight: height } = canvas;
    if (width === 0) return;
    const density = globalThis.devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * density)) {
      canvas.width = Math.round(width * density);
      canvas.height = Math.round(height * density);
    }
    const context = canvas.getContext("2d");
    context.setTransform(density, 0, 0, density, 0, 0);
    context.clearRect(0, 0, width, height);
    const x = (value) => MARGIN + (value - left) / (right - left || 1) * (width - 2 * MARGIN);
    const y = (value) =>
      height - MARGIN - (value - bottom) / (top - bottom || 1) * (height - 2 * MARGIN);
    placed = points.map(({ point }) => [x(point[0]), y(point[1])]);
    points.forEach((one, i) => {
      context.globalAlpha = chosen.size === 0 || chosen.has(i) ? 0.85 : 0.2;
      context.fillStyle = colourOf(one);
      context.beginPath();
      context.arc(...placed[i], RADIUS, 0, 2 * Math.PI);
      context.fill();
    });
    context.globalAlpha = 1;
    if (current >= 0) {
      context.strokeStyle = getComputedStyle(canvas).color;
      context.lineWidth = 2;
      context.beginPath();
      context.arc(...placed[current], RADIUS + 4, 0, 2 * Math.PI);
      context.stroke();
      context.lineWidth = 1;
    }
    if (lasso.length > 1) {
      context.strokeStyle = getComputedStyle(canvas).color;
      context.setLineDash([4, 3]);
      context.beginPath();
      lasso.forEach(([a, b], i) => i ? context.lineTo(a, b) : context.moveTo(a, b));
      context.closePath();
      context.stroke();
      context.setLineDash([]);
    }
  };
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const hover = (event) => {
    const [a, b] = at(event);
    let [best, distance] = [-1, 12 ** 2];
    placed.forEach(([p, q], i) => {
      const now = (p - a) ** 2 + (q - b) ** 2;
      if (now < distance) [best, distance] = [i, now];
    });
    show(best);
  };
  const show = (best) => {
    if (best < 0) return tip.hidden = true;
    const one = points[best];
    if (tip.dataset.image !== one.image) {
      tip.dataset.image = one.image;
      fill(
        tip,
        picture(imagePath(name, one.image, "overlay", { size: 160 }), {
          alt: `Image ${one.image}`,
          signal,
        }),
        h("strong", {}, one.image),
        h("span", {}, wordsOf(one)),
      );
    }
    tip.hidden = false;
    const across = Math.min(canvas.clientWidth - 150, Math.max(0, placed[best][0] + 12));
    tip.style.left = `${across}px`;
    tip.style.top = `${placed[best][1] + 12}px`;
  };
  const press = (event) => {
    const way = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[
      event.key
    ];
    if (way) current = current < 0 ? placed.findIndex(isLeftmost) : nextOf(placed, current, way);
    else if (event.key === " " && current >= 0) {
      if (!chosen.delete(current)) chosen.add(current);
    } else if (event.key === "Escape") [current, chosen] = [-1, new Set()];
    else return;
    event.preventDefault();
    show(current);
    draw();
    if (!way) onLasso([...chosen].map((i) => points[i].image));
  };
  const isLeftmost = ([x]) => placed.every(([other]) => x <= other);
  canvas.addEventListener("keydown", press);
  canvas.addEventListener("blur", () => {
    current = -1;
    tip.hidden = true;
    draw();
  });
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    current = -1;
    lasso = [at(event)];
    tip.hidden = true;
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!canvas.hasPointerCapture(event.pointerId)) return hover(event);
    lasso.push(at(event));
    draw();
  });
  canvas.addEventListener("pointerup", () => {
    chosen = new Set(
      lasso.length > 3 ? placed.flatMap((one, i) => within(one, lasso) ? [i] : []) : [],
    );
    lasso = [];
    draw();
    onLasso([...chosen].map((i) => points[i].image));
  });
  canvas.addEventListener("pointerleave", () => tip.hidden = true);
  const sizes = new ResizeObserver(draw);
  sizes.observe(canvas);
  signal.addEventListener("abort", () => sizes.disconnect(), { once: true });
  return { element, draw };
}

/** The nearest point that lies that way; the same where none does. */
function nextOf(placed, from, [dx, dy]) {
  const [x, y] = placed[from];
  let [best, least] = [from, Infinity];
  placed.forEach(([a, b], i) => {
    const along = (a - x) * dx + (b - y) * dy;
    const across = Math.abs((a - x) * dy - (b - y) * dx);
    const cost = along + 2 * across;
    if (along > 0 && cost < least) [best, least] = [i, cost];
  });
  return best;
}

/** Whether a point lies within a polygon: how often a ray from it crosses the edge. */
export function within([x, y], polygon) {
  let inside = false;
  polygon.forEach(([ax, ay], i) => {
    const [bx, by] = polygon[(i + polygon.length - 1) % polygon.length];
    if ((ay > y) !== (by > y) && x < (bx - ax) * (y - ay) / (by - ay) + ax) inside = !inside;
  });
  return inside;
}
