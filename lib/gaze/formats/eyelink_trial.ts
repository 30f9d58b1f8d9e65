/** One trial of an EyeLink recording: kept until its messages have told what was shown, and when. */
import type { GazeOptions } from "./format.ts";
import type { PictureMessage } from "./picture_messages.ts";
import { compose, type Scanpath } from "./scanpath.ts";
import type { GazeSink } from "./sink.ts";
import type { Rectangle } from "../gaze.ts";

/** Numbers per sample that is kept: t, x and y of the left eye, x and y of the right one. */
const KEPT = 5;

/** Of a picture's message after the first gaze, ms: beyond it something else may have been shown before. */
const LATE = 100;

interface Shown extends PictureMessage {
  /** Time of the message, ms; NaN where it names the picture of the whole trial. */
  t: number;
}

interface TrialFixation {
  eye: string;
  x: number;
  y: number;
  start: number;
  duration: number;
}

/** A picture and when it was shown, ms. */
interface Span {
  image: string;
  on?: PictureMessage["on"];
  from: number;
  to: number;
}

export class EyelinkTrial {
  tracked: { left?: number; right?: number } = {};
  /** Whether the recording block has ended. */
  ended = false;
  readonly #samples: number[] = [];
  readonly #fixations: TrialFixation[] = [];
  readonly #blinks: { eye: string; start: number; end: number }[] = [];
  readonly #pictures: Shown[] = [];
  /** Pictures told of after the block's end. */
  readonly #later: Shown[] = [];
  #eyes = { L: false, R: false };

  constructor(
    readonly sink: GazeSink,
    readonly options: GazeOptions,
    readonly number: number,
    readonly line: number,
  ) {}

  picture(picture: Shown): void {
    if (this.ended && !Number.isNaN(picture.t)) this.#later.push(picture);
    else this.#pictures.push(picture);
  }

  sample(t: number, lx: number, ly: number, rx: number, ry: number): void {
    const last = this.#samples[this.#samples.length - KEPT];
    if (this.tracked.left !== undefined) this.#eyes.L = true;
    if (this.tracked.right !== undefined) this.#eyes.R = true;
    this.#samples.push(t === last ? t + 0.5 : t, lx, ly, rx, ry);
  }

  fixation(eye: string, x: number, y: number, start: number, duration: number): void {
    if (eye === "L" || eye === "R") this.#eyes[eye] = true;
    this.#fixations.push({ eye, x, y, start, duration });
  }

  blink(eye: string, start: number, end: number): void {
    this.#blinks.push({ eye, start, end });
  }

  /** A saccade around a blink is the lid that moved, no gaze. */
  saccade(eye: string, start: number, end: number): void {
    if (!this.#blinks.some((one) => one.eye === eye && one.start >= start && one.end <= end)) {
      return;
    }
    this.sink.assume("samples of saccades around blinks taken as missing");
    const at = eye === "R" ? 3 : 1;
    for (let i = this.#samples.length - KEPT; i >= 0 && this.#samples[i] >= start; i -= KEPT) {
      if (this.#samples[i] <= end) this.#samples[i + at] = this.#samples[i + at + 1] = NaN;
    }
  }

  /** What was kept goes to the pictures. @returns pictures that belong to the next trial */
  finish(display?: Rectangle): Shown[] {
    const own = this.#pictures.length > 0;
    if (this.#samples.length + this.#fixations.length === 0) {
      return [...this.#pictures, ...this.#later];
    }
    const wanted = this.options.eye;
    const side = wanted === "right" ? "R" : "L";
    if ((wanted === "left" || wanted === "right") && !this.#eyes[side]) {
      this.sink.tally(`trials in which the ${wanted} eye was not tracked left out`, this.line);
      return own ? this.#later : [];
    }
    const spans = this.#spans(own ? this.#pictures : this.#later);
    let left = 0;
    for (const span of spans) left += this.#give(span, display, spans.length > 1);
    if (left > 0) this.sink.tally("fixations that go on over a change of picture split", this.line);
    return own ? this.#later : [];
  }

  /** One picture lasts the whole trial, several from one message to the next. */
  #spans(pictures: Shown[]): Span[] {
    const { image } = this.options;
    if (image !== undefined) {
      const on = pictures.find((one) => one.image === image)?.on;
      return [{ image, on, from: -Infinity, to: Infinity }];
    }
    const timed = pictures.filter(({ t }) => !Number.isNaN(t));
    const told = timed.length > 0 ? timed : pictures;
    const names = new Set(told.map(({ image }) => image));
    if (names.size <= 1) {
      this.#sayLate(timed[0]?.t);
      return [{ ...(told[0] ?? { image: "" }), from: -Infinity, to: Infinity }];
    }
    if (timed.length === 0) return [{ ...told.at(-1)!, from: -Infinity, to: Infinity }];
    this.sink.assume("several pictures in a trial: each shown from its message to the next one");
    return timed.map((one, i) => ({ ...one, from: one.t, to: timed[i + 1]?.t ?? Infinity }));
  }

  /** A picture that is named while gaze is recorded may have come after a cross or a blank, whose gaze is taken too. */
  #sayLate(t = NaN): void {
    const first = this.#samples[0] ?? this.#fixations[0]?.start;
    const last = this.#samples[this.#samples.length - KEPT] ?? this.#fixations.at(-1)?.start;
    if (!(t - first > LATE && t < last)) return;
    this.sink.tally(
      `the trial's picture is named more than ${LATE} ms after its gaze began: all gaze of the trial is taken as on it`,
      this.line,
    );
  }

  /** @returns number of fixations that were cut */
  #give({ image, on, from, to }: Span, display: Rectangle | undefined, several: boolean): number {
    const inside = (t: number) => t >= from && t < to;
    const has = !several ||
      this.#fixations.some(({ start, duration }) => start < to && start + duration > from) ||
      this.#samples.some((t, i) => i % KEPT === 0 && inside(t));
    if (!has) return 0;
    const scanpath = this.sink.scanpath(image, "", this.line);
    if (!scanpath) return 0;
    this.#place(scanpath, display, on);
    this.#addSamples(scanpath, inside);
    return this.#addFixations(scanpath, from, to);
  }

  #place(scanpath: Scanpath, display?: Rectangle, on?: PictureMessage["on"]): void {
    const { sink } = this;
    const place = this.options.screen?.image === undefined && scanpath.size
      ? on?.(scanpath.size, display)
      : undefined;
    if (place) sink.assume("the picture's place on the screen by the message that loaded it");
    sink.onScreen(scanpath, this.line, { told: display, on: place });
    const { x, y } = display ?? { x: 0, y: 0 };
    if (x !== 0 || y !== 0) {
      // The messages place pictures in the coordinates that the gaze has, too.
      const shift = { ax: 1, bx: place ? 0 : -x, ay: 1, by: place ? 0 : -y };
      scanpath.mapping = compose(shift, scanpath.mapping);
    }
  }

  #addSamples(scanpath: Scanpath, inside: (t: number) => boolean): void {
    const { eye } = this.options;
    const { L, R } = this.#eyes;
    const samples = this.#samples;
    for (let i = 0; i < samples.length; i += KEPT) {
      const [ms, lx, ly, rx, ry] = samples.slice(i, i + KEPT);
      if (!inside(ms)) continue;
      const t = this.sink.timeIn(scanpath, `${this.number}`, ms * 1e-3, { line: this.line });
      if (!this.sink.inTime(scanpath, t, this.line)) continue;
      if (eye === "left" || (eye !== "right" && !R)) scanpath.addSample(t, lx, ly);
      else if (eye === "right" || !L) scanpath.addSample(t, rx, ry);
      else scanpath.addEyes(t, [{ x: lx, y: ly }, { x: rx, y: ry }]);
    }
  }

  #addFixations(scanpath: Scanpath, from: number, to: number): number {
    const both = this.#fixations.some(({ eye }) => eye === "L") &&
      this.#fixations.some(({ eye }) => eye === "R");
    const side = this.options.eye === "right" ? "R" : "L";
    const chosen = this.options.eye === "left" || this.options.eye === "right" || both;
    if (both) {
      this.sink.assume(
        `the tracker's fixations of the ${side === "R" ? "right" : "left"} eye`,
      );
    }
    let cut = 0;
    for (const { eye, x, y, start, duration } of this.#fixations) {
      if (chosen && eye !== side) continue;
      const begin = Math.max(start, from);
      const end = Math.min(start + duration, to);
      if (end <= begin && duration > 0) continue;
      if (begin !== start || end !== start + duration) cut++;
      const whole = begin === start && end === start + duration;
      const length = whole ? duration : end - begin;
      const t = this.sink.timeIn(scanpath, `${this.number}`, begin * 1e-3, { line: this.line });
      scanpath.addFixation(x, y, t, length * 1e-3);
    }
    return cut;
  }
}
