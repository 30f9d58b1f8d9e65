/**
 * Fixations of Tobii exports: an event stands on all rows that it lasts, with its whole duration on each. Where the
 * picture changes meanwhile, or where rows of the event are not in the file, each picture gets only its part.
 */
import type { Mapping } from "../gaze.ts";
import type { Scanpath } from "./scanpath.ts";
import type { GazeSink } from "./sink.ts";

export interface FixationRow {
  recording: string;
  /** What tells one event of a recording from the next. */
  id: string;
  /** Time in the recording, s. */
  t: number;
  /** Time in the scanpath, s. */
  at: number;
  /** Of the whole event, s. */
  duration: number;
  /** Undefined where no known picture was shown. */
  scanpath?: Scanpath;
  /** Undefined where the row has no position. */
  place?: { x: number; y: number; mapping: Mapping };
}

/** Rows of an event on one picture. */
interface Part {
  scanpath?: Scanpath;
  place?: FixationRow["place"];
  first: number;
  at: number;
}

interface Event {
  recording: string;
  id: string;
  duration: number;
  rows: number;
  last: number;
  parts: Part[];
}

export class TobiiEvents {
  #open?: Event;

  constructor(readonly sink: GazeSink) {
    sink.atEnd(() => this.#close());
  }

  fixation({ recording, id, t, at, duration, scanpath, place }: FixationRow): void {
    const open = this.#open;
    if (open && open.recording === recording && open.id === id && t >= open.last) {
      open.rows++;
      open.last = t;
      const part = open.parts.at(-1)!;
      if (part.scanpath === scanpath) part.place ??= place;
      else open.parts.push({ scanpath, place, first: t, at });
      return;
    }
    this.#close(open?.recording === recording ? t : undefined);
    const parts = [{ scanpath, place, first: t, at }];
    this.#open = { recording, id, duration, rows: 1, last: t, parts };
  }

  /** A row that belongs to no fixation. */
  other(recording: string, t: number): void {
    this.#close(this.#open?.recording === recording ? t : undefined);
  }

  /** @param next time of the row after the event, in its recording */
  #close(next?: number): void {
    const event = this.#open;
    this.#open = undefined;
    if (!event) return;
    const { parts } = event;
    const end = this.#endOf(event, next);
    parts.forEach(({ scanpath, place, first, at }, i) => {
      if (!scanpath) return;
      const duration = (parts[i + 1]?.first ?? end) - first;
      if (i > 0 && !(duration > 0)) return;
      scanpath.addFixation(place?.x ?? NaN, place?.y ?? NaN, at, duration, place?.mapping);
    });
    if (parts.length > 1) {
      this.sink.assume("fixations during which the picture changed count on each for its part");
    }
  }

  #endOf({ duration, rows, last, parts }: Event, next?: number): number {
    const start = parts[0].first;
    const span = last - start;
    const step = rows > 1 ? span / (rows - 1) : 0;
    if (rows > 1 && (Number.isNaN(duration) || duration > span + 3 * step + 0.002)) {
      this.sink.assume("fixations of which the file holds only some rows last as long as these");
      return last + step;
    }
    // One row of an event that began long before the next row: the rest of it is elsewhere.
    if (rows === 1 && next !== undefined && next > start && start + duration > next + 0.1) {
      return next;
    }
    return start + duration;
  }
}
