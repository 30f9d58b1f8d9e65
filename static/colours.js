/** Colour scales of maps and matrices, and the bar that tells what a colour means. */
import { h } from "./dom.js";

/** Even steps of lightness, safe for the colour-blind: [position, red, green, blue]. */
const STOPS = {
  // Dark blue over green to yellow.
  viridis: [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]],
  // Black over red to pale yellow, as the server draws gaze.
  inferno: [[0, 0, 4], [87, 16, 110], [188, 55, 84], [249, 142, 9], [252, 255, 164]],
};

/** Colours of readers and series, in this order; `series-N` of the style sheet. */
export const SERIES = 6;

/** Red, green, blue (0 to 255) of a share from 0 to 1. @param {"viridis" | "inferno"} scale */
export function colourAt(scale, share) {
  const stops = STOPS[scale];
  const at = Math.min(0.9999, Math.max(0, share)) * (stops.length - 1);
  const low = stops[Math.floor(at)];
  const high = stops[Math.floor(at) + 1];
  return low.map((value, index) => Math.round(value + (high[index] - value) * (at % 1)));
}

/**
 * What the colours of a map mean.
 * @param {"viridis" | "inferno"} scale
 * @param {{low: string, high: string, label: string}} told values or words at the ends
 */
export function colourBar(scale, { low, high, label }) {
  return h(
    "span",
    { class: "colour-bar", role: "img", "aria-label": `${label}: from ${low} to ${high}` },
    h("span", {}, low),
    h("span", { class: `ramp ${scale}` }),
    h("span", {}, high),
  );
}

/** What a colour of the style sheet is now, light or dark, as `rgb(...)`. */
export function themeColour(name) {
  const probe = document.body.appendChild(h("i", { hidden: true }));
  probe.style.color = `var(--${name})`;
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}
