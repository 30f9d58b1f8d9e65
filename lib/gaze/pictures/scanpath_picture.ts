/** Fixations drawn over a picture: discs as large as they were long, joined in order and numbered. */
import type { Colour } from "@/lib/images/colour_map.ts";
import { numberDots } from "./digits.ts";
import { blend, type ColourOptions, colourPicture } from "@/lib/images/picture.ts";
import type { Raster } from "@/lib/images/raster.ts";

/** A fixation in pixels of the picture; only ratios of durations count. */
export interface DrawnFixation {
  x: number;
  y: number;
  duration: number;
}

const LINE: Colour = [255, 220, 0];
const DISC: Colour = [0, 150, 255];
const NUMBER: Colour = [255, 255, 255];
const SHADOW: Colour = [0, 0, 0];

/** The scanpath over the picture; several are drawn one after the other. */
export function scanpathPicture(
  source: Raster,
  scanpaths: DrawnFixation[][],
  options: ColourOptions = {},
): Raster {
  const picture = colourPicture(source, options);
  const unit = Math.max(1, Math.round(Math.max(picture.width, picture.height) / 400));
  for (const fixations of scanpaths) {
    const longest = fixations.reduce((most, { duration }) => Math.max(most, duration), 0);
    fixations.slice(1).forEach((to, i) => drawLine(picture, fixations[i], to, unit));
    for (const { x, y, duration } of fixations) {
      // The area grows with the duration.
      const share = longest > 0 ? Math.sqrt(duration / longest) : 1;
      drawDisc(picture, { x, y, radius: unit * (3 + 7 * share) });
    }
    fixations.forEach((fixation, i) => drawNumber(picture, fixation, i + 1, unit));
  }
  return picture;
}

function drawLine(picture: Raster, from: DrawnFixation, to: DrawnFixation, thick: number): void {
  const steps = Math.ceil(Math.max(Math.abs(to.x - from.x), Math.abs(to.y - from.y)));
  for (let step = 0; step <= steps; step++) {
    const part = steps === 0 ? 0 : step / steps;
    const x = Math.round(from.x + (to.x - from.x) * part - thick / 2);
    const y = Math.round(from.y + (to.y - from.y) * part - thick / 2);
    for (let row = y; row < y + thick; row++) {
      for (let column = x; column < x + thick; column++) dot(picture, column, row, LINE, 1);
    }
  }
}

function drawDisc(picture: Raster, { x, y, radius }: { x: number; y: number; radius: number }) {
  for (let row = Math.floor(y - radius); row <= y + radius; row++) {
    for (let column = Math.floor(x - radius); column <= x + radius; column++) {
      const distance = Math.hypot(column - x, row - y);
      if (distance <= radius) dot(picture, column, row, DISC, distance > radius - 1 ? 1 : 0.6);
    }
  }
}

/** White on a black edge, in the middle of the disc. */
function drawNumber(picture: Raster, { x, y }: DrawnFixation, value: number, unit: number): void {
  const { dots, width, height } = numberDots(value);
  const left = Math.round(x - width * unit / 2), top = Math.round(y - height * unit / 2);
  const square = (column: number, row: number, edge: number, colour: Colour) => {
    for (let r = -edge; r < unit + edge; r++) {
      for (let c = -edge; c < unit + edge; c++) {
        dot(picture, left + column * unit + c, top + row * unit + r, colour, 1);
      }
    }
  };
  for (const [column, row] of dots) square(column, row, 1, SHADOW);
  for (const [column, row] of dots) square(column, row, 0, NUMBER);
}

function dot(picture: Raster, x: number, y: number, colour: Colour, share: number): void {
  if (x < 0 || y < 0 || x >= picture.width || y >= picture.height) return;
  blend(picture, y * picture.width + x, colour, share);
}
