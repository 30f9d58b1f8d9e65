/**
 * A made-up, breast-like set of images with made-up gaze: for trying the service out and for tests, never
 * for findings.
 *
 * What is built in, so that what comes out can be judged:
 * - **Image**: a bright half ellipse (tissue) with smooth texture and noise on a dark ground. Every
 *   image holds one lesion and three patches of dense tissue. A malignant lesion differs from a benign
 *   one by its rough outline only, mixed with noise by `visibility` (0: not visible at all, 1: plainly), so
 *   that the label can be learnt from the picture with effort and not perfectly.
 * - **Gaze**: readers look at the lesion if it is malignant (concentrated: few places, long fixations) and
 *   search the whole breast if it is benign (scattered: many places, short fixations). `informative` is the
 *   share of readings that follow the label; the rest follow a coin. With `control: true` all of them follow
 *   a coin of their own, one for each image: gaze that looks the same and says nothing about the label.
 * - **Patients** have two images (two views), of the same label, drawn from the same tissue texture.
 *
 * Everything follows from `seed`; the same options give the same bytes.
 */
import { csvLine } from "@/lib/csv.ts";
import { type DemoImage, type DemoSet, zipSet } from "./archive.ts";
import { drawBreast, type Picture } from "./phantom.ts";
import { type Random, random } from "./random.ts";

export interface SyntheticOptions {
  /** Number of images, two to a patient. */
  images?: number;
  /** Width of a picture in px; the height is 5/4 of it. */
  size?: number;
  readers?: number;
  /** Share of malignant patients. */
  malignant?: number;
  /** How plainly a lesion's outline tells the label, 0 to 1. */
  visibility?: number;
  /** Share of readings whose gaze follows the label, 0 to 1. */
  informative?: number;
  /** Gaze independent of the label. */
  control?: boolean;
  /** Number of the readers' panel, part of their names; "": there is one panel. */
  panel?: string;
  seed?: number;
}

export const DEFAULTS: Required<SyntheticOptions> = {
  images: 96,
  size: 64,
  readers: 2,
  malignant: 0.5,
  visibility: 0.7,
  informative: 0.85,
  control: false,
  panel: "",
  seed: 1,
};

/** Makes the set in memory. */
export function synthesize(options: SyntheticOptions = {}): DemoSet {
  const settings = { ...DEFAULTS, ...options };
  checkOptions(settings);
  const { images: count, size, readers, seed } = settings;
  const height = Math.round(size * 1.25);
  const patients = Math.ceil(count / 2);
  const malignant = labelPatients(patients, settings.malignant, random(seed, "labels"));
  const images: DemoImage[] = [];
  const rows: (string | number)[][] = [
    ["image", "reader", "x", "y", "start_ms", "duration_ms"],
  ];
  for (let index = 0; index < count; index++) {
    const patient = index >> 1;
    const label = malignant[patient] ? "malignant" : "benign";
    const id = `P${String(patient + 1).padStart(3, "0")}_${index % 2 === 0 ? "CC" : "MLO"}`;
    const picture = drawBreast({
      width: size,
      height,
      malignant: malignant[patient],
      visibility: settings.visibility,
      tissue: random(seed, `tissue ${patient}`),
      view: random(seed, `view ${index}`),
    });
    images.push({
      name: `${id}.png`,
      raster: { width: size, height, channels: 1, bits: 8, data: picture.pixels },
      label,
      patient: `P${patient + 1}`,
    });
    const coin = random(seed, `coin ${index}`).uniform() < 0.5;
    for (let reader = 1; reader <= readers; reader++) {
      const draw = random(seed, `gaze ${index} ${reader}`);
      const follows = draw.uniform() < settings.informative;
      const chance = draw.uniform() < 0.5;
      const concentrated = settings.control ? coin : follows ? malignant[patient] : chance;
      const path = concentrated ? concentratedGaze(picture, draw) : scatteredGaze(picture, draw);
      for (const { x, y, start_ms, duration_ms } of path) {
        rows.push([id, `R${settings.panel}${reader}`, x, y, start_ms, duration_ms]);
      }
    }
  }
  const name = `fixations${settings.panel}.csv`;
  const gaze = [{ name, text: rows.map((row) => csvLine(...row)).join("") }];
  return { images, gaze, positiveLabel: "malignant", structured: false };
}

/**
 * One set whose images several panels of readers have looked at: its images are those of any of them, the readers
 * are named after their panel.
 */
export function writePanels(
  options: SyntheticOptions,
  panels: Pick<SyntheticOptions, "panel" | "informative" | "control">[],
): Promise<Uint8Array> {
  const sets = panels.map((panel) => synthesize({ ...options, ...panel }));
  return zipSet({ ...sets[0], gaze: sets.flatMap(({ gaze }) => gaze) });
}

/** The set as a ZIP in the layout that `PUT /v1/datasets/{name}` takes. */
export function writeSynthetic(options: SyntheticOptions = {}): Promise<Uint8Array> {
  return zipSet(synthesize(options));
}

function checkOptions(options: Required<SyntheticOptions>): void {
  const { images, size, readers, seed } = options;
  const whole = {
    images: [4, 20_000],
    size: [16, 2048],
    readers: [1, 20],
    seed: [0, 2 ** 32 - 1],
  } as const;
  for (const [name, value] of Object.entries({ images, size, readers, seed })) {
    const [least, most] = whole[name as keyof typeof whole];
    if (!Number.isInteger(value) || value < least || value > most) {
      throw new Error(`Cannot make the set: ${name} is ${value}, ${least} to ${most} allowed`);
    }
  }
  for (const name of ["malignant", "visibility", "informative"] as const) {
    const value = options[name];
    if (!(value >= 0 && value <= 1)) {
      throw new Error(`Cannot make the set: ${name} is ${value}, 0 to 1 allowed`);
    }
  }
}

/** Exactly the asked share, in random order. */
function labelPatients(patients: number, share: number, draw: Random): boolean[] {
  const labels = Array.from(
    { length: patients },
    (_, index) => index < Math.round(patients * share),
  );
  for (let last = patients - 1; last > 0; last--) {
    const other = Math.floor(draw.uniform() * (last + 1));
    [labels[last], labels[other]] = [labels[other], labels[last]];
  }
  return labels;
}

/** One fixation: image px; ms from the start of the reading. */
interface Step {
  x: number;
  y: number;
  start_ms: number;
  duration_ms: number;
}

/** A few looks around, then a long stay at the lesion: 7 to 10 fixations, mostly 300 to 600 ms. */
function concentratedGaze({ lesion, reach }: Picture, draw: Random): Step[] {
  const count = 7 + Math.floor(draw.uniform() * 4);
  const path: Step[] = [];
  for (let index = 0; index < count; index++) {
    const arrived = index >= 2 && draw.uniform() < 0.9;
    const spread = lesion.radius * 0.5;
    const point = arrived
      ? { x: lesion.x + spread * draw.normal(), y: lesion.y + spread * draw.normal() }
      : anywhere(reach, draw);
    path.push(timed(path, point, arrived ? 450 : 200, draw));
  }
  return path;
}

/** A search over the whole breast: 11 to 16 fixations, mostly 120 to 250 ms. */
function scatteredGaze({ reach }: Picture, draw: Random): Step[] {
  const count = 11 + Math.floor(draw.uniform() * 6);
  const path: Step[] = [];
  for (let index = 0; index < count; index++) {
    path.push(timed(path, anywhere(reach, draw), 180, draw));
  }
  return path;
}

/** A point of the breast; its half ellipse stands on the middle of the left edge. */
function anywhere(reach: Picture["reach"], draw: Random): { x: number; y: number } {
  const distance = Math.sqrt(draw.uniform());
  const angle = Math.PI * (draw.uniform() - 0.5);
  return {
    x: reach.x * distance * Math.cos(angle),
    y: reach.middle + reach.y * distance * Math.sin(angle),
  };
}

/** Durations are log-normal around `median_ms`; a saccade of 20 to 50 ms lies before each but the first. */
function timed(
  path: Step[],
  point: { x: number; y: number },
  median_ms: number,
  draw: Random,
): Step {
  const before = path.at(-1);
  const start_ms = before
    ? before.start_ms + before.duration_ms + 20 + Math.round(30 * draw.uniform())
    : 0;
  const duration_ms = Math.max(60, Math.round(median_ms * Math.exp(0.3 * draw.normal())));
  const tenth = (value: number) => Math.max(0, Math.round(value * 10) / 10);
  return { x: tenth(point.x), y: tenth(point.y), start_ms, duration_ms };
}
