/**
 * EyeLink recordings as text (edf2asc): samples, events and messages by line. What was shown is told in messages
 * alone: those of Data Viewer are known, others by a pattern. What SR Research's converter writes, as the manual and
 * the readers of others (pymovements, eyelinker) have it: which eyes were tracked stands on the SAMPLES line of each
 * recording block; with `EVENTS HREF` an event has its head-referenced values first and those of the gaze after
 * them; at 2 kHz without `-ftime` two samples share a time.
 */
import { numberOf } from "./table_cell.ts";
import type { GazeOptions } from "./format.ts";
import type { GazeFormat } from "./gaze_format.ts";
import { EyelinkTrial } from "./eyelink_trial.ts";
import { patternOf, type PictureMessage, pictureOf, pictureWord } from "./picture_messages.ts";
import type { GazeSink } from "./sink.ts";
import type { Rectangle } from "../gaze.ts";
import { screenLength } from "../screen.ts";

export const eyelink_asc: GazeFormat = {
  title: "EyeLink ASC",
  detect: ({ text }) =>
    /^\*\* CONVERTED FROM/m.test(text) ||
    (/^(SAMPLES|EVENTS)\t/m.test(text) && /^START\t/m.test(text)),
  async parse(text, sink, options) {
    sink.rebase = true;
    sink.timeUnit = "ms";
    sink.assume("time in ms");
    const reader = new AscReader(sink, options);
    await text.eachLine((line, number) => reader.read(line, number));
    reader.finish();
  },
};

/** Columns of x of the gaze in EFIX lines, by what the EVENTS line begins with. */
const GAZE_X: Record<string, number> = { GAZE: 5, HREF: 8 };

class AscReader {
  readonly #sink: GazeSink;
  readonly #pattern?: RegExp;
  #trial: EyelinkTrial;
  #trials = 0;
  #byTrialId = false;
  #recording = false;
  /** Whether there has been a sample or a fixation. */
  #found = false;
  #display?: Rectangle;
  /** Eyes of the current block: their columns of x. */
  #columns: { left?: number; right?: number } = { left: 1 };
  #gazeX = GAZE_X.GAZE;
  /** Values of EFIX lines behind the gaze: the resolution, x and y. */
  #behindGaze = 0;

  constructor(sink: GazeSink, readonly options: GazeOptions) {
    this.#sink = sink;
    sink.useEye();
    const { image_pattern } = options;
    if (image_pattern !== undefined) this.#pattern = patternOf(image_pattern);
    this.#trial = new EyelinkTrial(sink, options, 0, 1);
  }

  read(line: string, number: number): void {
    const first = line.charCodeAt(0);
    if (first >= 48 && first <= 57) return this.#sample(line, number);
    const word = /^[A-Z]+/.exec(line)?.[0];
    switch (word) {
      case "MSG":
        return this.#message(line, number);
      case "EFIX":
        return this.#fixation(line, number);
      case "EBLINK":
      case "ESACC": {
        const cells = line.split(/\s+/);
        const [start, end] = [2, 3].map((at) => this.#number(cells, at, number));
        if (word === "EBLINK") this.#trial.blink(cells[1], start, end);
        else this.#trial.saccade(cells[1], start, end);
        return;
      }
      case "START":
        if (!this.#byTrialId) this.#newTrial(number);
        this.#trial.ended = false;
        this.#recording = true;
        return;
      case "END":
        this.#trial.ended = true;
        this.#recording = false;
        return;
      case "SAMPLES":
        return this.#samplesAre(line, number);
      case "EVENTS": {
        const [, kind, ...words] = line.split(/\s+/);
        this.#gazeX = GAZE_X[kind] ?? NaN;
        this.#behindGaze = words.includes("RES") ? 2 : 0;
      }
    }
  }

  /** The last trial. */
  finish(): void {
    this.#trial.finish(this.#display);
    if (this.#trials === 0 && !this.#found) {
      this.#sink.problem("no recording of an EyeLink: neither a line START nor samples or EFIX", 1);
    }
  }

  #samplesAre(line: string, number: number): void {
    const words = line.split(/\s+/);
    if (words[1] !== "GAZE") {
      this.#sink.problem(
        "positions are not screen px: convert with gaze positions (edf2asc -sg)",
        number,
      );
    }
    const [left, right] = ["LEFT", "RIGHT"].map((eye) => words.includes(eye));
    this.#columns = left && right ? { left: 1, right: 4 } : right ? { right: 1 } : { left: 1 };
    this.#trial.tracked = this.#columns;
  }

  #sample(line: string, number: number): void {
    this.#found = true;
    const cells = line.split(/\s+/);
    const t = this.#number(cells, 0, number);
    const { left, right } = this.#columns;
    const at = (column: number | undefined, axis: number) =>
      column === undefined ? NaN : this.#number(cells, column + axis, number);
    this.#trial.sample(t, at(left, 0), at(left, 1), at(right, 0), at(right, 1));
  }

  #number(cells: string[], at: number, line: number): number {
    const value = numberOf(cells[at]);
    if (value === undefined || (at === 0 && Number.isNaN(value))) {
      this.#sink.problem(`"${cells[at]?.slice(0, 40)}" is not a number`, line, at + 1);
      return NaN;
    }
    return value;
  }

  /** EFIX eye start end duration x y pupil, or with head-referenced x y pupil before these. */
  #fixation(line: string, number: number): void {
    this.#found = true;
    const cells = line.split(/\s+/);
    if (cells.length < 7) {
      return this.#sink.problem("EFIX with too few values", number, cells.length);
    }
    const x = this.#gazeX;
    const behind = x === GAZE_X.HREF ? this.#behindGaze : 0;
    if (!(x + 1 + behind < cells.length)) {
      return this.#sink.tally("fixations that are not in screen px left out", number);
    }
    const [start, duration, px, py] = [2, 4, x, x + 1].map((at) => this.#number(cells, at, number));
    this.#trial.fixation(cells[1], px, py, start, duration);
  }

  #message(line: string, number: number): void {
    const parts = /^MSG\s+(\S+)\s*(.*)$/.exec(line.slice(0, 1000));
    if (!parts) return;
    const [, time, text] = parts;
    this.#display = displayOf(text, (message) => this.#sink.problem(message, number)) ??
      this.#display;
    if (/^TRIALID\b/.test(text)) {
      this.#byTrialId = true;
      this.#newTrial(number);
    }
    const picture = pictureOf(text, this.#pattern) ?? this.#worded(text, number);
    if (!picture) return;
    this.#sink.use("image_pattern");
    const named = !/!V TRIAL_VAR/i.test(text);
    this.#trial.picture({
      ...picture,
      image: this.#sink.imageByPath(picture.image),
      t: named ? Number(time) : NaN,
    });
  }

  /** Without messages of a known form: a picture of the data set that is named while eyes are recorded. */
  #worded(text: string, line: number): PictureMessage | undefined {
    if (this.#pattern || this.#trial.ended || !this.#recording || text.startsWith("!")) return;
    const image = pictureWord(text);
    if (image === undefined || !this.options.imageSize || !this.#sink.isImage(image)) return;
    this.#sink.tally(
      "pictures taken by their names in messages; `image_pattern` says which messages tell what was shown",
      line,
    );
    return { image };
  }

  #newTrial(line: number): void {
    const later = this.#trial.finish(this.#display);
    this.#trial = new EyelinkTrial(this.#sink, this.options, ++this.#trials, line);
    this.#trial.tracked = this.#columns;
    // Without trial numbers, what is loaded between two blocks is shown in the second.
    if (!this.#byTrialId) { for (const picture of later) this.#trial.picture(picture); }
  }
}

const COORDINATES =
  /\b(?:DISPLAY_COORDS|GAZE_COORDS|screen_pixel_coords)\b\s*[=:]?\s*[[(]?\s*(-?[\d.]+)[,\s]+(-?[\d.]+)[,\s]+(-?[\d.]+)[,\s]+(-?[\d.]+)/i;

/** The screen by a message, in its several spellings. */
function displayOf(text: string, wrong: (message: string) => void): Rectangle | undefined {
  const found = COORDINATES.exec(text);
  if (!found) return undefined;
  const [left, top, right, bottom] = found.slice(1).map(Number);
  if (right < left || bottom < top) {
    wrong(
      `the screen is told as ${
        found.slice(1).join(" ")
      }, which is left, top, right, bottom: positions that count ` +
        "leftwards or upwards are not read; convert them to count from the top left",
    );
    return undefined;
  }
  // The last pixel, as it should be, or the size, as it often is.
  const [width, height] = [screenLength(right - left), screenLength(bottom - top)];
  return width > 0 && height > 0 ? { x: left, y: top, width, height } : undefined;
}
