/** One reader's gaze on one image, while a file is being read. */
import {
  type Fixation,
  type Mapping,
  type Rectangle,
  SAMPLE_STRIDE,
  type Samples,
  type Size,
} from "../gaze.ts";
import { type Eye, intervalOf, type Track } from "../filters/track.ts";

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

/** What a tracker gives of one eye beside the mean gaze point: position in the file's unit, ray in mm. */
export interface EyeSample {
  x: number;
  y: number;
  target: [number, number, number];
  origin: [number, number, number];
}

/** Columns of numbers that grow. */
class Columns {
  private data: Float64Array<ArrayBuffer> = new Float64Array(0);
  length = 0;

  constructor(private readonly width: number) {}

  /** Makes room for one row and returns where it begins. */
  grow(): number {
    const at = this.length * this.width;
    if (at + this.width > this.data.length) {
      this.resize(Math.max(16, Math.ceil(this.length * 1.25)));
    }
    this.length++;
    return at;
  }

  get rows(): Float64Array<ArrayBuffer> {
    return this.data;
  }

  /** The rows alone; nothing is left here. */
  take(): Float64Array<ArrayBuffer> {
    this.resize(this.length);
    const rows = this.data;
    this.data = new Float64Array(0);
    this.length = 0;
    return rows;
  }

  /** Moved, not copied: what is left behind is free at once. */
  private resize(rows: number): void {
    const bytes = rows * this.width * Float64Array.BYTES_PER_ELEMENT;
    this.data = new Float64Array(this.data.buffer.transfer(bytes));
  }

  column(k: number): Float64Array {
    return Float64Array.from({ length: this.length }, (_, i) => this.data[i * this.width + k]);
  }
}

/** Numbers per row of an eye: x, y, target, origin. */
const EYE = 8;

export class Scanpath {
  mapping: Mapping = IDENTITY;
  /** Image px per screen px, where positions are of the screen. */
  imagePxPerScreenPx?: number;
  readonly fixations: Fixation[] = [];
  /** Fixations without a position. */
  lost = 0;
  /** Samples whose eye was found, and samples off the image. */
  found = 0;
  off = 0;
  private readonly samples = new Columns(SAMPLE_STRIDE);
  private eyes?: [Columns, Columns];

  constructor(readonly image: string, readonly reader: string, readonly size?: Size) {}

  get sampleCount(): number {
    return this.samples.length;
  }

  /** Time of the last sample, s; NaN before the first. */
  get lastTime(): number {
    const { length, rows } = this.samples;
    return length === 0 ? NaN : rows[(length - 1) * SAMPLE_STRIDE];
  }

  /** A fixation in the file's positions; `start` NaN where unknown. NaN positions count as lost. */
  addFixation(x: number, y: number, start: number, duration: number): void {
    const { ax, bx, ay, by } = this.mapping;
    if (Number.isNaN(x) || Number.isNaN(y)) this.lost++;
    else this.fixations.push({ x: x * ax + bx, y: y * ay + by, start, duration });
  }

  /** A sample in the file's positions; NaN where the eye was not found. */
  addSample(t: number, x: number, y: number): void {
    const { ax, bx, ay, by } = this.mapping;
    const at = this.samples.grow();
    const rows = this.samples.rows;
    const px = x * ax + bx;
    const py = y * ay + by;
    const valid = px === px && py === py;
    rows[at] = t;
    rows[at + 1] = valid ? px : NaN;
    rows[at + 2] = valid ? py : NaN;
    rows[at + 3] = valid ? 1 : 0;
    if (!valid) return;
    this.found++;
    if (this.size && !(px >= 0 && py >= 0 && px < this.size.width && py < this.size.height)) {
      this.off++;
    }
  }

  /** A sample with both eyes and their rays; undefined for an eye that was not found. */
  addEyes(
    t: number,
    x: number,
    y: number,
    eyes: [EyeSample | undefined, EyeSample | undefined],
  ): void {
    this.addSample(t, x, y);
    this.eyes ??= [new Columns(EYE), new Columns(EYE)];
    const { ax, bx, ay, by } = this.mapping;
    eyes.forEach((eye, k) => {
      const columns = this.eyes![k];
      const at = columns.grow();
      const row = eye
        ? [eye.x * ax + bx, eye.y * ay + by, ...eye.target, ...eye.origin]
        : new Array(EYE).fill(NaN);
      columns.rows.set(row, at);
    });
  }

  /** [n, 4]; the scanpath has none afterwards. */
  takeSamples(): Samples {
    return this.samples.take();
  }

  /** Both eyes with their rays, where the tracker gave them; to be asked for before the samples are taken. */
  takeTrack(): Track | undefined {
    if (!this.eyes) return undefined;
    const eyes = this.eyes.map((columns): Eye => {
      const [x, y, a, b, c, d, e, f] = Array.from({ length: EYE }, (_, k) => columns.column(k));
      return { x, y, ray: { target: [a, b, c], origin: [d, e, f] } };
    });
    return { t: this.samples.column(0), eyes };
  }
}

/** A hole longer than this is a pause between two showings of the image, not gaze that was lost; s. */
const PAUSE = 2;

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
