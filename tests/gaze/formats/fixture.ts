/** Hand-made gaze files and what must come out of them: `tests/fixtures/gaze/<format>/<file>` + `.expected.json`. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { GazeOptions, ParsedGaze } from "@/lib/gaze/formats/format.ts";
import { parseGaze } from "@/lib/gaze/formats/mod.ts";
import { type Gaze, SAMPLE_STRIDE } from "@/lib/gaze/gaze.ts";

const root = fileURLToPath(new URL("../../fixtures/gaze/", import.meta.url));
const ENDING = ".expected.json";

export interface Expected {
  /** Images of the data set: [width, height]. */
  images: Record<string, [number, number]>;
  options: Partial<GazeOptions>;
  gaze: unknown[];
  warnings: unknown[];
}

/** Paths below the folder of all files with an expectation. */
export function fixtures(): string[] {
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(ENDING))
    .map((path) => path.slice(0, -ENDING.length))
    .sort();
}

export function fixtureBytes(path: string): Uint8Array {
  return new Uint8Array(readFileSync(root + path));
}

export function expectedOf(path: string): Expected {
  return JSON.parse(readFileSync(root + path + ENDING, "utf8"));
}

/** Parses a fixture as a file of an archive that holds all fixtures of its format. */
export function parseFixture(
  path: string,
  { images, options }: Pick<Expected, "images" | "options">,
  change: Partial<GazeOptions> = {},
): Promise<ParsedGaze> {
  const folder = path.slice(0, path.indexOf("/") + 1);
  const names = readdirSync(root + folder, { recursive: true, encoding: "utf8" })
    .map((name) => folder + name);
  return parseGaze(fixtureBytes(path), {
    file: path,
    imageSize: imageSizes(images),
    beside: { names, read: (name) => Promise.resolve(fixtureBytes(name)) },
    ...options,
    ...change,
  });
}

export function imageSizes(images: Expected["images"]): NonNullable<GazeOptions["imageSize"]> {
  return (name) => {
    const size = images[name];
    return size && { width: size[0], height: size[1] };
  };
}

/** Gaze as it stands in expectations: numbers to six places, samples in rows. */
export function plainGaze(gaze: Gaze): Record<string, unknown> {
  const { image, reader, fixations, samples, off_image, dropped, data_loss } = gaze;
  const rows = samples && Array.from(
    { length: samples.length / SAMPLE_STRIDE },
    (_, i) => [...samples.subarray(i * SAMPLE_STRIDE, (i + 1) * SAMPLE_STRIDE)].map(rounded),
  );
  return {
    image,
    reader,
    fixations: fixations.map(({ x, y, start, duration }) => [x, y, start, duration].map(rounded)),
    ...(rows ? { samples: rows } : {}),
    off_image,
    dropped,
    data_loss: rounded(data_loss),
  };
}

function rounded(value: number): number | null {
  return Number.isNaN(value) ? null : Math.round(value * 1e6) / 1e6 + 0;
}
