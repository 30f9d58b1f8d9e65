/**
 * Made-up pictures to train an initial network on, where no published one is at hand: one of eight shapes on smooth
 * texture, of random size, place, turn and contrast. They share texture and noise with the made-up breasts
 * (`phantom.ts`) and none of their labels. Everything follows from the seed.
 */
import { type DemoImage, zipSet } from "./archive.ts";
import { smoothNoise } from "./phantom.ts";
import { type Random, random } from "./random.ts";

/** Whether a point belongs to the shape; in units of its radius, turned with it. */
const shapes: Record<string, (u: number, v: number) => boolean> = {
  bar: (u, v) => Math.abs(u) < 1 && Math.abs(v) < 0.35,
  cross: (u, v) =>
    Math.max(Math.abs(u), Math.abs(v)) < 1 && Math.min(Math.abs(u), Math.abs(v)) < 0.3,
  disc: (u, v) => Math.hypot(u, v) < 0.9,
  ring: (u, v) => Math.abs(Math.hypot(u, v) - 0.8) < 0.2,
  spots: (u, v) => Math.hypot(Math.abs(u) - 0.6, v) < 0.42,
  square: (u, v) => Math.max(Math.abs(u), Math.abs(v)) < 0.8,
  stripes: (u, v) => Math.hypot(u, v) < 1 && Math.sin(9 * v) > 0,
  triangle: (u, v) =>
    [0, 1, 2].every((k) => {
      const angle = 2 * Math.PI * k / 3;
      return u * Math.cos(angle) + v * Math.sin(angle) < 0.5;
    }),
};

export const SHAPES = Object.keys(shapes);

/** [size, size] grey values, 8 bit. */
export function drawShape(shape: string, size: number, draw: Random): Uint8Array<ArrayBuffer> {
  const inside = shapes[shape];
  const [coarse, fine] = [smoothNoise(6, draw), smoothNoise(17, draw)];
  const radius = size * (0.14 + 0.12 * draw.uniform());
  const [x0, y0] = [0, 0].map(() => size * (0.3 + 0.4 * draw.uniform()));
  const turn = 2 * Math.PI * draw.uniform();
  const contrast = 0.12 + 0.18 * draw.uniform();
  const pixels = new Uint8Array(size * size);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      // Four points of each pixel soften the outline.
      let covered = 0;
      for (const [dx, dy] of [[-0.25, -0.25], [0.25, -0.25], [-0.25, 0.25], [0.25, 0.25]]) {
        const [a, b] = [(x + dx - x0) / radius, (y + dy - y0) / radius];
        const u = a * Math.cos(turn) + b * Math.sin(turn);
        const v = b * Math.cos(turn) - a * Math.sin(turn);
        if (inside(u, v)) covered += 0.25;
      }
      const value = 0.4 + 0.24 * coarse(x / size, y / size) + 0.14 * fine(x / size, y / size) +
        contrast * covered + 0.025 * draw.normal();
      pixels[y * size + x] = Math.round(255 * Math.min(1, Math.max(0, value)));
    }
  }
  return pixels;
}

/** The set as a ZIP in the layout that `PUT /v1/datasets/{name}` takes; as many of each shape, every picture a patient. */
export function writeShapes(
  { images, size, seed }: { images: number; size: number; seed: number },
): Promise<Uint8Array> {
  const list = Array.from({ length: images }, (_, index): DemoImage => {
    const label = SHAPES[index % SHAPES.length];
    const data = drawShape(label, size, random(seed, `shape ${index}`));
    return {
      name: `S${String(index + 1).padStart(4, "0")}.png`,
      raster: { width: size, height: size, channels: 1, bits: 8, data },
      label,
    };
  });
  return zipSet({ images: list, gaze: [], positiveLabel: null, structured: false });
}
