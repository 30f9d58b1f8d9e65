/** The display that gaze was recorded on, and where the image stood on it. */
import type { Rectangle, Size } from "./gaze.ts";

/** `dataset.json`'s `screen`. */
export interface Screen {
  width_px: number;
  height_px: number;
  width_mm?: number;
  height_mm?: number;
  /**
   * Where the image stood: a rectangle in screen px, `centre` (own size), `fit` (scaled to the screen, sides kept in
   * proportion, centred), `stretch`, `top_left` (own size), or `auto`: own size and centred if it fits, else `fit`.
   */
  image?: Rectangle | "auto" | "centre" | "fit" | "stretch" | "top_left";
}

/** Pixels per degree on a 24-inch full-HD screen at 65 cm, for recordings that say nothing of their geometry. */
export const USUAL_PX_PER_DEGREE = 40;

/** Screen pixels per degree of visual angle, at the screen's centre; undefined without the screen's size and distance. */
export function pxPerDegree(screen?: Screen, viewing_distance_mm?: number): number | undefined {
  if (!screen?.width_mm || !viewing_distance_mm) return undefined;
  const mmPerDegree = 2 * viewing_distance_mm * Math.tan(Math.PI / 360);
  return mmPerDegree * screen.width_px / screen.width_mm;
}

/** Rectangle of `image` on `screen` (screen px), and the words that say what was assumed. */
export function placeImage(image: Size, screen: Screen): { on: Rectangle; assumed: string } {
  const place = screen.image ?? "auto";
  if (typeof place === "object") {
    return { on: place, assumed: `image shown at ${words(place)} of the screen, as given` };
  }
  const centred = (scale: number): Rectangle => ({
    x: (screen.width_px - image.width * scale) / 2,
    y: (screen.height_px - image.height * scale) / 2,
    width: image.width * scale,
    height: image.height * scale,
  });
  const whole = { x: 0, y: 0, width: screen.width_px, height: screen.height_px };
  if (place === "stretch") return { on: whole, assumed: "image stretched over the whole screen" };
  if (place === "top_left") {
    return {
      on: { x: 0, y: 0, ...withoutPlace(image) },
      assumed: "image at the screen's top left, own size",
    };
  }
  const fits = image.width <= screen.width_px && image.height <= screen.height_px;
  if (place === "centre" || (place === "auto" && fits)) {
    return { on: centred(1), assumed: "image centred on the screen, own size" };
  }
  const scale = Math.min(screen.width_px / image.width, screen.height_px / image.height);
  return { on: centred(scale), assumed: "image scaled to fit the screen, centred" };
}

function withoutPlace({ width, height }: Size): Size {
  return { width, height };
}

function words({ x, y, width, height }: Rectangle): string {
  return `(${x}, ${y}), ${width} x ${height} px`;
}

/**
 * Length of a screen in px by a number that may be its length or its last px: screens have an even number of px, and
 * trackers (and eye2bids) write 1919 for 1920.
 */
export function screenLength(told: number): number {
  return Math.round(told) % 2 === 0 ? told : told + 1;
}
