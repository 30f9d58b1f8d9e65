/** Colours for numbers and for classes. */
// @ts-types="./d3_scale_chromatic.d.ts"
import { interpolateInferno } from "d3-scale-chromatic";

/** Colour of NaN. */
export const missingColour: Colour = [128, 128, 128];

/** Red, green, blue, 0 to 255. */
export type Colour = [number, number, number];

/** "Inferno" of matplotlib: dark to bright, in even steps of lightness. */
const TABLE = Array.from({ length: 256 }, (_, i): Colour => {
  const code = parseInt(interpolateInferno(i / 255).slice(1), 16);
  return [code >> 16, code >> 8 & 255, code & 255];
});

/** The colour of a number between 0 and 1. */
export function colourOf(value: number): Colour {
  if (Number.isNaN(value)) return missingColour;
  return TABLE[Math.round(Math.min(1, Math.max(0, value)) * 255)];
}

/** Colours of classes, in turn; told apart with any colour vision. */
const CLASSES: Colour[] = [
  [0, 114, 178],
  [230, 159, 0],
  [0, 158, 115],
  [204, 121, 167],
  [86, 180, 233],
  [213, 94, 0],
  [240, 228, 66],
];

export function classColour(index: number): Colour {
  return index < 0 ? missingColour : CLASSES[index % CLASSES.length];
}
