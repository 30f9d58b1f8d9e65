/**
 * Plain tables with a row for each eye: one eye's rows by the option `eye`, else fixations of the left eye where a
 * trial has both, and samples of one time as the two eyes of one sample.
 */
import type { Table } from "./gaze_table.ts";
import type { Point } from "./eyes.ts";
import { NOWHERE } from "./eyes.ts";
import type { Scanpath } from "./scanpath.ts";
import type { GazeSink } from "./sink.ts";
import { plainWord } from "./table_cell.ts";

export type Side = "left" | "right";

/** Headers of a column that tells the eye of a row. */
export const EYE = ["eye", "eye_used", "eye_tracked", "eye_reported", "which_eye"];

const SIDE = /^(?:(l|left|os|1)|(r|right|od|2))(?: eye)?$/;

/** The eye that a cell names; undefined for both, none or something else. */
export function sideOf(cell: string): Side | undefined {
  const [, left, right] = SIDE.exec(plainWord(cell)) ?? [];
  return left ? "left" : right ? "right" : undefined;
}

/** Fixations of a trial, kept until it is known which eyes it has. */
export class FixationsByEye {
  readonly #trials = new Map<Scanpath, Map<string, Map<Side | undefined, (() => void)[]>>>();

  /** @param add adds the fixation to its scanpath */
  keep(scanpath: Scanpath, trial: string, side: Side | undefined, add: () => void): void {
    const trials = this.#trials.get(scanpath) ?? new Map();
    this.#trials.set(scanpath, trials);
    const eyes = trials.get(trial) ?? new Map();
    trials.set(trial, eyes);
    const fixations = eyes.get(side);
    if (fixations) fixations.push(add);
    else eyes.set(side, [add]);
  }

  /** Adds those of the eye that is wanted, or of the left one where a trial has both. */
  finish(sink: GazeSink): void {
    const { eye } = sink.options;
    const asked = eye === "left" || eye === "right" ? eye : undefined;
    for (const trials of this.#trials.values()) {
      for (const eyes of trials.values()) {
        const both = eyes.has("left") && eyes.has("right");
        if (both) {
          sink.assume(
            `fixations of the ${eye === "right" ? "right" : "left"} eye, where the table has both`,
          );
        }
        if (asked && !eyes.has(asked) && !eyes.has(undefined)) sayOther(sink, asked);
        const wanted = asked ?? (both ? "left" : undefined);
        for (const [side, fixations] of eyes) {
          if (wanted && side && side !== wanted) continue;
          for (const add of fixations) add();
        }
      }
    }
  }
}

function sayOther(sink: GazeSink, asked: Side): void {
  sink.tally(`trials that have not the ${asked} eye, which was asked for, left out`);
}

/** Samples of which each row is one eye. */
export class SamplesByEye {
  readonly #open = new Map<Scanpath, { t: number; left?: Point; right?: Point }>();

  /** Scanpaths with rows of the eye that is wanted, and of the other one. */
  readonly #own = new Set<Scanpath>();
  readonly #other = new Set<Scanpath>();

  constructor(readonly wanted: "average" | Side) {}

  /** @param side undefined where the row does not tell its eye: taken as the sample of both */
  add(scanpath: Scanpath, t: number, side: Side | undefined, place: Point): void {
    if (this.wanted !== "average") {
      const own = !side || side === this.wanted;
      if (own) scanpath.addSample(t, place.x, place.y);
      (own ? this.#own : this.#other).add(scanpath);
      return;
    }
    const open = this.#open.get(scanpath);
    if (open && side && open.t === t && open[side] === undefined) {
      open[side] = place;
      return;
    }
    if (open) this.#close(scanpath, open);
    this.#open.set(
      scanpath,
      side ? { t, [side]: place } : { t, left: place, right: place },
    );
  }

  /** Time of the last sample of a scanpath, that may still wait for its other eye; NaN before the first. */
  lastTime(scanpath: Scanpath): number {
    return this.#open.get(scanpath)?.t ?? scanpath.lastTime;
  }

  finish(sink: GazeSink): void {
    for (const scanpath of this.#other) {
      if (!this.#own.has(scanpath) && this.wanted !== "average") sayOther(sink, this.wanted);
    }
    for (const [scanpath, open] of this.#open) this.#close(scanpath, open);
    this.#open.clear();
  }

  #close(scanpath: Scanpath, { t, left, right }: { t: number; left?: Point; right?: Point }): void {
    scanpath.addEyes(t, [left ?? NOWHERE, right ?? NOWHERE]);
  }
}

/** Columns that often tell which rows are no gaze, and are not used: said, so that nobody relies on them. */
const UNUSED = [
  "confidence",
  "blink",
  "is_blink",
  "in_blink",
  "saccade",
  "in_saccade",
  "event",
  "event_type",
  "movement_type",
  "eye_movement_type",
];

export function sayUnused(table: Table, sink: GazeSink): void {
  const taken = new Set(Object.values(sink.columns).map(plainWord));
  const unused = table.headers.filter((header) =>
    UNUSED.includes(plainWord(header)) && !taken.has(plainWord(header))
  );
  if (unused.length === 0) return;
  const names = unused.map((header) => `"${header.trim()}"`).join(", ");
  sink.warn(
    `columns not used: ${names}; rows that are no gaze are told by a column "valid" of 1 and 0, or taken out`,
    table.line,
  );
}
