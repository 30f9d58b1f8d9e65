/** One reader's gaze on one image, while a file is being read. */
import {
  type Fixation,
  type Mapping,
  type Rectangle,
  SAMPLE_STRIDE,
  type Samples,
  type Size,
} from "../gaze.ts";
import { fixationsIn } from "../packed_fixations.ts";
import { type Eye, intervalOf, type Track } from "../filters/track.ts";
import { isPlace, type Point } from "./eyes.ts";

export const IDENTITY: Mapping = { ax: 1, bx: 0, ay: 1, by: 0 };

/** The mapping that takes the rectangle `on` to the whole image. */
export function ofRectangle(on: Rectangle, image: Size): Mapping {
  const ax = image.width / on.width;
  const ay = image.height / on.height;
  return { ax, bx: -on.x * ax, ay, by: -on.y * ay };
}

/** First `a`, then `b`. */
export function compose(a: Mapping, b: Mapping): Mapping {
  return { ax: a.ax * b.ax, bx: a.bx * b.ax + b.bx, ay: a.ay * b.ay, by: a.by * b.ay + b.by };
}

/** What a tracker gives of one eye: position in the file's unit, and where it tells so the ray in mm. */
export interface EyeSample extends Point {
  ray?: { target: [number, number, number]; origin: [number, number, number] };
}

/** Shared by all that have none: most scanpaths have either samples or fixations. */
const NO_ROWS = new Float64Array(0);

/** Columns of numbers that grow. */
class Columns {
  #data: Float64Array<ArrayBuffer> = NO_ROWS;
  length = 0;

  constructor(readonly width: number) {}

  /** Makes room for one row and returns where it begins. */
  grow(): number {
    const at = this.length * this.width;
    if (at + this.width > this.#data.length) {
      this.#resize(Math.max(16, Math.ceil(this.length * 1.25)));
    }
    this.length++;
    return at;
  }

  get rows(): Float64Array<ArrayBuffer> {
    return this.#data;
  }

  /** The rows alone; nothing is left here. */
  take(): Float64Array<ArrayBuffer> {
    this.#resize(this.length);
    const rows = this.#data;
    this.#data = NO_ROWS;
    this.length = 0;
    return rows;
  }

  /** Moved, not copied: what is left behind is free at once. */
  #resize(rows: number): void {
    const bytes = rows * this.width * Float64Array.BYTES_PER_ELEMENT;
    if (this.#data === NO_ROWS) {
      this.#data = new Float64Array(rows * this.width);
      return;
    }
    this.#data = new Float64Array(this.#data.buffer.transfer(bytes));
  }

  column(k: number): Float64Array {
    return Float64Array.from({ length: this.length }, (_, i) => this.#data[i * this.width + k]);
  }
}

/** Numbers per row of an eye: x, y, with a ray also target and origin. */
const [BARE, WITH_RAY] = [2, 8];

/** Where the positions of a scanpath come from, as reports say it. */
export type Positions =
  | "px of the image"
  | "px of the picture as shown"
  | "px of the screen"
  | "share of the image"
  | "share of the screen"
  | "share of the surface";

export class Scanpath {
  mapping: Mapping = IDENTITY;
  positions: Positions = "px of the image";
  /** Image px per screen px, where positions are of the screen. */
  imagePxPerScreenPx?: number;
  /** As the file has them: x, y, start, duration; NaN positions for those that were lost. */
  readonly #fixations = new Columns(4);
  /** Fixations without a position. */
  lost = 0;
  /** Fixations beside the picture, at a place that cannot be told: never moved to its edge. */
  away = 0;
  /** Samples whose eye was found, and samples off the image. */
  found = 0;
  off = 0;
  /** Time of the latest sample or end of a fixation, s; -Infinity before the first. */
  latest = -Infinity;
  readonly #samples = new Columns(SAMPLE_STRIDE);
  #eyes?: [Columns, Columns];
  #part?: string;
  #shift = 0;

  constructor(readonly image: string, readonly reader: string, readonly size?: Size) {}

  get fixationCount(): number {
    return this.#fixations.length;
  }

  /** The scanpath has none afterwards. */
  takeFixations(): Fixation[] {
    const rows = this.#fixations.take();
    const fixations = fixationsIn(rows);
    // Free at once: of a file of millions garbage would be as large as what is kept.
    rows.buffer.transfer(0);
    return fixations;
  }

  get sampleCount(): number {
    return this.#samples.length;
  }

  /** Time of the last sample, s; NaN before the first. */
  get lastTime(): number {
    const { length, rows } = this.#samples;
    return length === 0 ? NaN : rows[(length - 1) * SAMPLE_STRIDE];
  }

  /**
   * Time in this scanpath of a time in a part (a trial, a recording) with a clock of its own: where the clock of a
   * new part begins before what is there already, the part follows `pause` seconds after it.
   * @param origin what the clock counts from: `zero` is the part's beginning, `any` says nothing
   * @returns the time, and whether this joined two parts
   */
  timeIn(
    part: string,
    t: number,
    origin: "zero" | "any",
    pause = 0,
  ): { t: number; joined: boolean } {
    let joined = false;
    if (part !== this.#part) {
      joined = this.#part !== undefined && t < this.latest;
      this.#shift = joined ? this.latest + pause - (origin === "zero" ? 0 : t) : 0;
      this.#part = part;
    }
    return { t: t + this.#shift, joined };
  }

  /**
   * A fixation in the file's positions; `start` NaN where unknown. What is no place counts as lost.
   * @param mapping of this fixation, where it is not that of all
   */
  addFixation(x: number, y: number, start: number, duration: number, mapping = this.mapping): void {
    const end = start + duration;
    if (end > this.latest) this.latest = end;
    const { ax, bx, ay, by } = mapping;
    const found = isPlace(x, y) && !Number.isNaN(duration);
    if (!found) this.lost++;
    const at = this.#fixations.grow();
    const { rows } = this.#fixations;
    rows[at] = found ? x * ax + bx : NaN;
    rows[at + 1] = found ? y * ay + by : NaN;
    rows[at + 2] = start;
    rows[at + 3] = duration;
  }

  /** A sample in the file's positions; what is no place is a sample without gaze. */
  addSample(t: number, x: number, y: number, mapping = this.mapping): void {
    const { ax, bx, ay, by } = mapping;
    const valid = isPlace(x, y);
    this.#push(t, valid ? x * ax + bx : NaN, valid ? y * ay + by : NaN);
    if (this.#eyes) {
      this.#pushEye(0, valid ? { x, y } : undefined, mapping);
      this.#pushEye(1, undefined, mapping);
    }
  }

  /**
   * A sample with both eyes; undefined or no place for an eye that was not found. They are averaged later.
   * @param rays whether the eyes of this file come with rays
   */
  addEyes(
    t: number,
    [left, right]: [EyeSample | undefined, EyeSample | undefined],
    mapping = this.mapping,
    rays = false,
  ): void {
    this.#eyes ??= this.#newEyes(rays);
    const eyes = [left, right].filter((eye) => eye && isPlace(eye.x, eye.y)) as EyeSample[];
    const { ax, bx, ay, by } = mapping;
    const mean = (axis: "x" | "y") => eyes.reduce((sum, eye) => sum + eye[axis], 0) / eyes.length;
    this.#push(t, mean("x") * ax + bx, mean("y") * ay + by);
    [left, right].forEach((eye, k) =>
      this.#pushEye(k, eye && isPlace(eye.x, eye.y) ? eye : undefined, mapping)
    );
  }

  /** [n, 4]; the scanpath has none afterwards. */
  takeSamples(): Samples {
    return this.#samples.take();
  }

  /** Both eyes, where the tracker gave them; to be asked for before the samples are taken. */
  takeEyes(): Track | undefined {
    if (!this.#eyes) return undefined;
    const eyes = this.#eyes.map((columns): Eye => {
      const [x, y, a, b, c, d, e, f] = Array.from(
        { length: columns.width },
        (_, k) => columns.column(k),
      );
      return { x, y, ...(a ? { ray: { target: [a, b, c], origin: [d, e, f] } } : {}) };
    });
    this.#eyes = undefined;
    return { t: this.#samples.column(0), eyes };
  }

  #push(t: number, px: number, py: number): void {
    const at = this.#samples.grow();
    const rows = this.#samples.rows;
    const valid = px === px && py === py;
    rows[at] = t;
    rows[at + 1] = valid ? px : NaN;
    rows[at + 2] = valid ? py : NaN;
    rows[at + 3] = valid ? 1 : 0;
    if (t > this.latest) this.latest = t;
    if (!valid) return;
    this.found++;
    if (this.size && !(px >= 0 && py >= 0 && px < this.size.width && py < this.size.height)) {
      this.off++;
    }
  }

  #pushEye(k: number, eye: EyeSample | undefined, { ax, bx, ay, by }: Mapping): void {
    const columns = this.#eyes![k];
    const at = columns.grow();
    const rows = columns.rows;
    rows.fill(NaN, at, at + columns.width);
    if (!eye) return;
    rows[at] = eye.x * ax + bx;
    rows[at + 1] = eye.y * ay + by;
    if (columns.width === BARE || !eye.ray) return;
    rows.set(eye.ray.target, at + 2);
    rows.set(eye.ray.origin, at + 5);
  }

  /** Samples of one eye that came before stand as the left one. */
  #newEyes(rays: boolean): [Columns, Columns] {
    const width = rays ? WITH_RAY : BARE;
    const eyes: [Columns, Columns] = [new Columns(width), new Columns(width)];
    for (let i = 0; i < this.#samples.length; i++) {
      for (const columns of eyes) columns.rows.fill(NaN, columns.grow());
    }
    for (let i = 0; i < this.#samples.length; i++) {
      eyes[0].rows.set(
        this.#samples.rows.subarray(i * SAMPLE_STRIDE + 1, i * SAMPLE_STRIDE + 3),
        i * width,
      );
    }
    return eyes;
  }
}

/** A hole longer than this is a pause between two showings of the image, not gaze that was lost; s. */
export const PAUSE = 2;

/** Share of the recording without gaze: samples without it, and samples that holes in the time should hold. */
export function dataLoss(samples: Samples): number {
  const n = samples.length / SAMPLE_STRIDE;
  if (n === 0) return 0;
  const step = intervalOf(samples, SAMPLE_STRIDE);
  const longest = Math.max(0.075, 2.5 * step);
  let all = n;
  let lost = 0;
  for (let i = 0; i < n; i++) {
    if (samples[i * SAMPLE_STRIDE + 3] !== 1) lost++;
    const hole = i === 0 ? 0 : samples[i * SAMPLE_STRIDE] - samples[(i - 1) * SAMPLE_STRIDE];
    if (step <= 0 || !(hole > longest && hole <= PAUSE)) continue;
    const absent = Math.round(hole / step) - 1;
    all += absent;
    lost += absent;
  }
  return lost / all;
}
