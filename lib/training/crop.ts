/** The part of an image that a view shows. */
import type { View } from "@/gpu/augment.ts";
import type { Augmentation } from "@/lib/specs/augmentation.ts";
import type { GazeMass } from "./gaze_mass.ts";

/** A uniform number of [0, 1) for a name. */
export type Draw = (parameter: string) => number;

/** Sides and centre as shares of the image. */
export interface Crop {
  width: number;
  height: number;
  x: number;
  y: number;
}

const WHOLE: Crop = { width: 1, height: 1, x: 0.5, y: 0.5 };
/** Crops that are drawn to keep enough of the gaze, before the best of them is enlarged in as many steps. */
const ATTEMPTS = 16;

/** @param kept share of the gaze that a crop shows; absent where nothing is known of it */
export function drawCrop(
  crop: Augmentation["crop"],
  draw: Draw,
  kept?: (crop: Crop) => number,
): Crop {
  if (!crop) return WHOLE;
  let best = cropAt(crop, draw);
  if (!kept || crop.gaze_share === 0) return best;
  let most = kept(best);
  // Shares are sums in single precision.
  const enough = crop.gaze_share - 1e-5;
  for (let attempt = 1; attempt < ATTEMPTS && most < enough; attempt++) {
    const candidate = cropAt(crop, (name) => draw(`${name} ${attempt}`));
    const share = kept(candidate);
    if (share > most) [best, most] = [candidate, share];
  }
  for (let step = 1; step <= ATTEMPTS && most < enough; step++) {
    best = between(best, WHOLE, step / ATTEMPTS);
    most = kept(best);
  }
  return best;
}

/** A shape that does not fit is cut to the image. */
function cropAt(crop: NonNullable<Augmentation["crop"]>, draw: Draw): Crop {
  const [small, large] = crop.scale;
  const area = small + (large - small) * draw("crop area");
  const [narrow, wide] = crop.ratio.map(Math.log);
  const ratio = Math.exp(narrow + (wide - narrow) * draw("crop ratio"));
  const width = Math.min(1, Math.sqrt(area * ratio));
  const height = Math.min(1, Math.sqrt(area / ratio));
  return {
    width,
    height,
    x: width / 2 + (1 - width) * draw("crop x"),
    y: height / 2 + (1 - height) * draw("crop y"),
  };
}

function between(a: Crop, b: Crop, t: number): Crop {
  const at = (side: keyof Crop) => a[side] + (b[side] - a[side]) * t;
  return { width: at("width"), height: at("height"), x: at("x"), y: at("y") };
}

/** Share of the gaze that a view shows. */
export function shareSeen(
  gaze: GazeMass,
  { matrix, centre }: Pick<View, "matrix" | "centre">,
): number {
  const [xx, xy, yx, yy] = matrix;
  const half = Math.abs(xx * yy - xy * yx) / 2;
  let sum = 0;
  for (let i = 0; i < gaze.length; i += 3) {
    const [x, y] = [gaze[i] - centre[0], gaze[i + 1] - centre[1]];
    const inside = Math.abs(yy * x - xy * y) <= half && Math.abs(xx * y - yx * x) <= half;
    if (inside) sum += gaze[i + 2];
  }
  return sum;
}
