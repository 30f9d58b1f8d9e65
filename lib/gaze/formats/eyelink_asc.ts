/**
 * EyeLink recordings as text (edf2asc): samples, events and messages by line. What was shown is told in messages
 * alone: those of Data Viewer are known, others by a pattern.
 */
import { numberOf } from "./table_cell.ts";
import { NOWHERE, oneOf, type Point } from "./eyes.ts";
import type { GazeFormat, GazeOptions } from "./format.ts";
import type { Recording } from "./sink.ts";
import type { Scanpath } from "./scanpath.ts";
import { InvalidInput } from "@/lib/errors.ts";
import type { Size } from "../gaze.ts";

/** Messages that name the image. */
const IMAGES = [
  /!V IMGLOAD \S+ (\S+)/i,
  /!V TRIAL_VAR (?:image|imagefile|image_file|img|stimulus|picture)\s+(\S.*)/i,
];

export const eyelink_asc: GazeFormat = {
  title: "EyeLink ASC",
  detect: ({ text }) =>
    /^\*\* CONVERTED FROM/m.test(text) ||
    (/^(SAMPLES|EVENTS)\t/m.test(text) && /^START\t/m.test(text)),
  async parse(text, recording, options) {
    recording.rebase = true;
    recording.assume("time in ms");
    const reader = new AscReader(recording, options);
    await text.eachLine((line, number) => reader.read(line, number));
    reader.endTrial();
  },
};

/** Numbers per sample that is kept until the trial's image is known: t, x, y. */
const KEPT = 3;

class AscReader {
  private display?: Size;
  private offset = { x: 0, y: 0 };
  private binocular = false;
  private trial = { image: "", line: 1, samples: [] as number[], fixations: [] as number[][] };
  private byTrialId = false;
  private readonly patterns: RegExp[];
  private readonly side: "L" | "R";
  private sides = new Set<string>();

  constructor(private readonly recording: Recording, private readonly options: GazeOptions) {
    this.patterns = options.image_pattern === undefined
      ? IMAGES
      : [patternOf(options.image_pattern)];
    this.side = options.eye === "right" ? "R" : "L";
  }

  read(line: string, number: number): void {
    const first = line.charCodeAt(0);
    if (first >= 48 && first <= 57) return this.sample(line, number);
    const word = /^[A-Z]+/.exec(line)?.[0];
    switch (word) {
      case "MSG":
        return this.message(line, number);
      case "EFIX":
        return this.fixation(line, number);
      case "START":
        if (!this.byTrialId) this.newTrial(number);
        return;
      case "SAMPLES":
      case "EVENTS":
        this.binocular = /\bLEFT\b/.test(line) && /\bRIGHT\b/.test(line);
        if (/\bHREF\b|\bRAW\b/.test(line)) {
          this.recording.problem(
            "positions are not screen px: convert with gaze positions (edf2asc -t)",
            number,
          );
        }
    }
  }

  private sample(line: string, number: number): void {
    const cells = line.split(/\s+/);
    const t = this.number(cells, 0, number);
    const point = (at: number): Point => ({
      x: this.number(cells, at, number),
      y: this.number(cells, at + 1, number),
    });
    const { x, y } = this.binocular ? oneOf(point(1), point(4), this.options.eye) : point(1);
    this.trial.samples.push(t, x, y);
  }

  private number(cells: string[], at: number, line: number): number {
    const value = numberOf(cells[at]);
    if (value === undefined || (at === 0 && Number.isNaN(value))) {
      this.recording.problem(`"${cells[at]?.slice(0, 40)}" is not a number`, line, at + 1);
      return NaN;
    }
    return value;
  }

  /** EFIX eye start end duration x y pupil */
  private fixation(line: string, number: number): void {
    const cells = line.split(/\s+/);
    this.sides.add(cells[1]);
    if (cells.length < 7) {
      return this.recording.problem("EFIX with too few values", number, cells.length);
    }
    const [start, , duration, x, y] = [2, 3, 4, 5, 6].map((at) => this.number(cells, at, number));
    this.trial.fixations.push([cells[1] === "R" ? 1 : 0, x, y, start, duration]);
  }

  private message(line: string, number: number): void {
    const text = line.slice(0, 1000).replace(/^MSG\s+\S+\s*/, "");
    const coordinates =
      /^(?:DISPLAY|GAZE)_COORDS\s+(-?[\d.]+)\s+(-?[\d.]+)\s+(-?[\d.]+)\s+(-?[\d.]+)/.exec(text);
    if (coordinates) {
      const [left, top, right, bottom] = coordinates.slice(1).map(Number);
      // The last pixel, as it should be, or the size, as it often is.
      const size = (length: number) => length % 10 === 0 ? length : length + 1;
      this.display = { width: size(right - left), height: size(bottom - top) };
      this.offset = { x: left, y: top };
      return;
    }
    if (/^TRIALID\b/.test(text)) {
      this.byTrialId = true;
      this.newTrial(number);
    }
    for (const pattern of this.patterns) {
      const image = pattern.exec(text)?.[1]?.trim();
      if (image) this.trial.image = this.recording.imageByPath(image);
    }
  }

  private newTrial(line: number): void {
    this.endTrial();
    this.trial = { image: "", line, samples: [], fixations: [] };
  }

  /** What was kept goes to the trial's image. */
  endTrial(): void {
    const { image, line, samples, fixations } = this.trial;
    if (samples.length + fixations.length === 0) return;
    const scanpath = this.recording.scanpath(this.options.image ?? image, "", line);
    if (!scanpath) return;
    if (scanpath.sampleCount + scanpath.fixations.length === 0) {
      this.recording.onScreen(scanpath, line, { told: this.display });
    }
    const before = scanpath.lastTime;
    for (let i = 0; i < samples.length; i += KEPT) {
      const t = samples[i] * 1e-3;
      if (t < before || t < scanpath.lastTime) {
        this.recording.warn("time goes backwards: the rest of the trial is left out", line);
        break;
      }
      scanpath.addSample(t, samples[i + 1] - this.offset.x, samples[i + 2] - this.offset.y);
    }
    this.addFixations(scanpath, fixations);
    this.trial.samples = [];
    this.trial.fixations = [];
  }

  private addFixations(scanpath: Scanpath, fixations: number[][]): void {
    let kept = fixations;
    if (this.sides.size > 1) {
      kept = fixations.filter(([right]) => (this.side === "R") === (right === 1));
      this.recording.assume(
        `the tracker's fixations of the ${this.side === "R" ? "right" : "left"} eye`,
      );
    }
    for (const [, x, y, start, duration] of kept) {
      const point = Number.isNaN(x) ? NOWHERE : { x: x - this.offset.x, y: y - this.offset.y };
      scanpath.addFixation(point.x, point.y, start * 1e-3, duration * 1e-3);
    }
  }
}

/**
 * A pattern of words: `{image}` is the image's name, `*` any word: `SHOW * {image}`. No regular expressions: they
 * would come from outside and can take for ever.
 */
function patternOf(pattern: string): RegExp {
  if (pattern.length > 200 || pattern.split("{image}").length !== 2) {
    throw new InvalidInput(
      `Cannot use the image pattern: it needs "{image}" once, and at most 200 characters`,
    );
  }
  const words = pattern.trim().split(/\s+/).map((word) =>
    word === "*"
      ? "\\S+"
      : word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace("\\{image\\}", "(\\S+)")
  );
  return new RegExp(words.join("\\s+"));
}
