/** Scanpaths drawn in the page: a colour for each reader, a circle for each fixation, its radius by its duration. */
import { s } from "../dom.js";

/** Colours that stand out on grey pictures, in the order of the readers; after six they begin again, dashed. */
const READER_COLOURS = 6;

/** Fixations drawn at most: more would be a cloud, and slow. */
const MOST = 4000;

/** Radius as a share of the image's longer side for a fixation of a second; area goes with duration. */
const RADIUS = 0.03;

/**
 * @param {{width: number, height: number}} image px
 * @param {{reader: string, index: number, fixations: {x: number, y: number, start: number, duration: number}[]}[]}
 *   paths `index` picks the colour
 * @param {{until: number, onHover: (text: string) => void}} options `until` in s: what began later is not there yet
 */
export function scanpathLayer({ width, height }, paths, { until, onHover }) {
  const longer = Math.max(width, height);
  const svg = s("svg", {
    class: "layer paths",
    viewBox: `0 0 ${width} ${height}`,
    role: "img",
    "aria-label": `Scanpaths of ${paths.map(({ reader }) => reader).join(", ")}`,
  });
  let drawn = 0;
  for (const { reader, index, fixations } of paths) {
    const begun = fixations.filter(({ start }) => start <= until).slice(0, MOST - drawn);
    drawn += begun.length;
    const colour = index % READER_COLOURS + 1;
    const line = begun.map(({ x, y }, at) => `${at === 0 ? "M" : "L"}${x} ${y}`).join("");
    const group = s("g", { class: `reader-${colour}${index >= READER_COLOURS ? " dashed" : ""}` });
    group.append(s("path", { d: line }));
    begun.forEach(({ x, y, start, duration }, at) => {
      const r = Math.max(0.006, RADIUS * Math.sqrt(duration)) * longer;
      group.append(
        s("circle", {
          cx: x,
          cy: y,
          r,
          data: {
            told: `${reader}, fixation ${at + 1} of ${fixations.length}: ${
              Math.round(1000 * duration)
            } ms from ${start.toFixed(2)} s, at (${Math.round(x)}, ${Math.round(y)})`,
          },
        }),
        s("text", { x, y, "font-size": r * 1.1 }, at + 1),
      );
    });
    svg.append(group);
  }
  svg.addEventListener("pointerover", (event) => onHover(event.target.dataset?.told ?? ""));
  svg.addEventListener("pointerleave", () => onHover(""));
  return svg;
}

/** When the last fixation ends, s. */
export function lasts(paths) {
  let end = 0;
  for (const { fixations } of paths) {
    for (const { start, duration } of fixations) end = Math.max(end, start + duration);
  }
  return end;
}
