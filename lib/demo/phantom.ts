/** Draws one breast-like grey picture (8 bit) with a lesion. */
import type { Random } from "./random.ts";

/** Where the lesion is, px. */
export interface Lesion {
  x: number;
  y: number;
  radius: number;
}

export interface Picture {
  /** [height, width] */
  pixels: Uint8Array<ArrayBuffer>;
  lesion: Lesion;
  /** Half axes of the breast, px, and the height of its centre on the left edge. */
  reach: { x: number; y: number; middle: number };
}

/**
 * @param options.tissue drawn from alike for all views of a patient: texture, size of the breast
 * @param options.view drawn from for this view only: lesion's place, noise
 */
export function drawBreast(options: {
  width: number;
  height: number;
  malignant: boolean;
  visibility: number;
  tissue: Random;
  view: Random;
}): Picture {
  const { width, height, malignant, visibility, tissue, view } = options;
  const reach = {
    x: width * (0.72 + 0.16 * tissue.uniform()),
    y: height * 0.46,
    middle: height / 2,
  };
  const coarse = smoothNoise(6, tissue);
  const fine = smoothNoise(17, tissue);
  const lesion = {
    x: reach.x * (0.25 + 0.4 * view.uniform()),
    y: height * (0.32 + 0.36 * view.uniform()),
    radius: width * (0.16 + 0.05 * view.uniform()),
  };
  const decoys = Array.from({ length: 3 }, () => ({
    x: reach.x * (0.15 + 0.6 * view.uniform()),
    y: height * (0.2 + 0.6 * view.uniform()),
    radius: width * (0.06 + 0.06 * view.uniform()),
  }));
  // How rough the outline is: the label's part and a part that has nothing to do with it.
  const rough = visibility * (malignant ? 1 : 0) + (1 - visibility) * view.uniform();
  const spikes = Array.from({ length: 4 }, (_, index) => ({
    turns: 5 + 2 * index + Math.floor(2 * view.uniform()),
    phase: 2 * Math.PI * view.uniform(),
  }));
  const pixels = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const edge = Math.hypot(x / reach.x, (y - reach.middle) / reach.y);
      const inside = 1 / (1 + Math.exp((edge - 1) * 30));
      let value = 0.36 + 0.1 * (1 - edge);
      value += 0.24 * coarse(x / width, y / height) + 0.14 * fine(x / width, y / height);
      for (const decoy of decoys) value += 0.12 * bump(x, y, decoy, 1);
      value += 0.3 * bump(x, y, lesion, outline(x, y, lesion, rough, spikes));
      pixels[y * width + x] = Math.round(
        255 * Math.min(1, Math.max(0, 0.03 + inside * value + 0.025 * view.normal())),
      );
    }
  }
  return { pixels, lesion, reach };
}

/** A random value, -0.5 to 0.5, at each node of a grid of `cells`; smooth in between. Takes x, y of 0 to 1. */
export function smoothNoise(cells: number, draw: Random): (x: number, y: number) => number {
  const side = cells + 1;
  const nodes = Float64Array.from({ length: side * side }, () => draw.uniform() - 0.5);
  const ease = (share: number) => share * share * (3 - 2 * share);
  return (x, y) => {
    const [column, row] = [Math.floor(x * cells), Math.floor(y * cells)];
    const [right, down] = [ease(x * cells - column), ease(y * cells - row)];
    const at = row * side + column;
    const top = nodes[at] + right * (nodes[at + 1] - nodes[at]);
    const bottom = nodes[at + side] + right * (nodes[at + side + 1] - nodes[at + side]);
    return top + down * (bottom - top);
  };
}

/** 1 in the middle, falling off at `scale` radii. */
function bump(x: number, y: number, spot: Lesion, scale: number): number {
  const distance = Math.hypot(x - spot.x, y - spot.y) / (spot.radius * scale);
  return 1 / (1 + Math.exp((distance - 1) * 8));
}

/** The radius at this point's angle, as a factor: 1 is a smooth disc, spikes grow with `rough`. */
function outline(
  x: number,
  y: number,
  lesion: Lesion,
  rough: number,
  spikes: { turns: number; phase: number }[],
): number {
  const angle = Math.atan2(y - lesion.y, x - lesion.x);
  let factor = 1;
  for (const { turns, phase } of spikes) factor += 0.22 * rough * Math.sin(turns * angle + phase);
  return Math.max(0.3, factor);
}
