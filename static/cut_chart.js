/** Pairs of one label and of two by their similarity, with the cut as a handle that can be dragged. */
import { h, s } from "./dom.js";
import { number, score } from "./format.js";

const [HEIGHT, LEFT, BOTTOM] = [256, 60, 50];
/** Its letters stay readable on a phone. */
const NARROW = "(max-width: 40rem)";

/**
 * @param {{from: number, to: number, same: number[], other: number[]}} bins
 * @param {{labelled: boolean, onCut: (cut: number) => void}} options `onCut` while the handle is dragged
 * @returns {{element: Element, place: (cut: number) => void}}
 */
export function cutChart({ from, to, same, other }, { labelled, onCut }) {
  const WIDTH = matchMedia(NARROW).matches ? 380 : 640;
  const bins = same.length;
  const most = Math.max(1, ...same.map((count, i) => Math.max(count, other[i])));
  const width = (WIDTH - LEFT - 8) / bins;
  const height = HEIGHT - BOTTOM - 12;
  const x = (value) => LEFT + (value - from) / (to - from || 1) * (WIDTH - LEFT - 8);
  const bar = (counts, kind) =>
    counts.map((count, i) =>
      s("rect", {
        class: `bar ${kind}`,
        x: LEFT + i * width,
        y: 12 + height * (1 - count / most),
        width: Math.max(0.5, width - 0.5),
        height: height * count / most,
      })
    );
  const line = s("line", { class: "cut", y1: 4, y2: 12 + height });
  const grip = s("circle", { class: "cut-grip", r: 7, cy: 8 });
  const label = s("text", { class: "cut-label", y: 12 });
  const above = s("rect", { class: "above", y: 12, height });
  const ticks = niceTicks(from, to);
  const svg = s(
    "svg",
    {
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      class: "cut-chart",
      role: "img",
      "aria-label": "Histogram of similarity over pairs; the slider below it moves the cut",
    },
    above,
    bar(other, "other"),
    bar(same, "same"),
    ticks.map((tick) => [
      s("line", { class: "axis", x1: x(tick), x2: x(tick), y1: 12 + height, y2: 17 + height }),
      s("text", { class: "tick middle", x: x(tick), y: 30 + height }, tick),
    ]),
    s("line", { class: "axis", x1: LEFT, x2: WIDTH - 8, y1: 12 + height, y2: 12 + height }),
    s("text", { class: "tick middle", x: (LEFT + WIDTH) / 2, y: 46 + height }, "similarity"),
    s("text", { class: "tick end", x: LEFT - 4, y: 16 }, `${number(most)} pairs`),
    s("text", { class: "tick end", x: LEFT - 4, y: 15 + height }, "0"),
    line,
    grip,
    label,
  );
  const place = (cut) => {
    const at = Math.min(WIDTH - 8, Math.max(LEFT, x(cut)));
    line.setAttribute("x1", at);
    line.setAttribute("x2", at);
    grip.setAttribute("cx", at);
    const left = at > WIDTH - 90;
    label.setAttribute("x", left ? at - 12 : at + 12);
    label.setAttribute("text-anchor", left ? "end" : "start");
    label.textContent = `cut ${score(cut)}`;
    above.setAttribute("x", at);
    above.setAttribute("width", Math.max(0, WIDTH - 8 - at));
  };
  const drag = (event) => {
    const box = svg.getBoundingClientRect();
    const at = (event.clientX - box.left) / box.width * WIDTH;
    const share = Math.min(1, Math.max(0, (at - LEFT) / (WIDTH - LEFT - 8)));
    onCut(from + share * (to - from));
  };
  svg.addEventListener("pointerdown", (event) => {
    svg.setPointerCapture(event.pointerId);
    drag(event);
  });
  svg.addEventListener("pointermove", (event) => {
    if (svg.hasPointerCapture(event.pointerId)) drag(event);
  });
  const element = h(
    "div",
    { class: "stack" },
    labelled && h(
      "p",
      { class: "row keys" },
      h("span", { class: "key" }, h("i", { class: "same" }), "pairs of one label"),
      h("span", { class: "key" }, h("i", { class: "other" }), "pairs of two labels"),
    ),
    svg,
  );
  return { element, place };
}

/** Round values between two. */
export function niceTicks(from, to, count = 6) {
  const rough = (to - from) / count;
  if (!(rough > 0)) return [from];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough);
  const first = Math.ceil(from / step - 1e-9);
  return Array.from(
    { length: Math.floor(to / step + 1e-9) - first + 1 },
    (_, i) => Number(((first + i) * step).toPrecision(6)),
  );
}
