/**
 * Exports of Tobii Pro Lab (and, under its older names, Tobii Studio): one row per sample, event or mouse move. In
 * what coordinates a row has its gaze and its fixation is told by the cells that are filled, for each of the two.
 */
import type { GazeOptions } from "./format.ts";
import type { GazeFormat } from "./gaze_format.ts";
import type { GazeSink } from "./sink.ts";
import { cellsOf, delimiterOfHead, headersOf } from "./head.ts";
import { numberOf } from "./table_cell.ts";
import { isPlace, type Point } from "./eyes.ts";
import type { EyeSample, Scanpath } from "./scanpath.ts";
import { readTable, type Row, squeeze, type Table } from "./gaze_table.ts";
import { LIMITS, type Text } from "./text.ts";
import { TobiiEvents } from "./tobii_events.ts";
import { TobiiPlaces } from "./tobii_places.ts";

const TIMES = ["recordingtimestampms", "recordingtimestamps", "recordingtimestamp"];

export const tobii_prolab: GazeFormat = {
  title: "Tobii Pro Lab or Tobii Studio export",
  detect(head) {
    const headers = headersOf(head.first).map(squeeze);
    return headers.some((header) => TIMES.includes(header)) &&
      headers.some((header) =>
        header.startsWith("gazepoint") || header.startsWith("fixationpoint")
      );
  },
  async parse(text, sink, options) {
    sink.rebase = true;
    await readTable(text, sink, (table) => reader(table, text, sink, options));
  },
};

/** Seconds per unit of the time column: older files have microseconds without saying so. */
function timeColumn(
  table: Table,
  text: Text,
  sink: GazeSink,
): { column: number; unit: number } {
  const micro = (column: number) => {
    sink.timeUnit = "us";
    return { column, unit: 1e-6 };
  };
  const tracker = table.findSqueezed("eyetrackertimestamps", "eyetrackertimestamp");
  const named = table.findSqueezed("recordingtimestampms");
  if (tracker >= 0 && filledIn(text, tracker)) {
    sink.assume("time by the eye tracker's clock, microseconds");
    return micro(tracker);
  }
  sink.timeUnit = "ms";
  if (named >= 0) return { column: named, unit: 1e-3 };
  const column = table.findSqueezed("recordingtimestamps", "recordingtimestamp");
  if (column < 0) {
    sink.problem('no column "Recording timestamp [ms]"', table.line);
    return { column, unit: 1 };
  }
  if (squeeze(table.headers[column]).endsWith("stamps")) return micro(column);
  const times = columnOf(text, column).map((cell) => numberOf(cell, table.comma) ?? NaN);
  const steps = times.slice(1).map((time, i) => time - times[i]).filter((step) => step > 0);
  const middle = steps.sort((a, b) => a - b)[steps.length >> 1] ?? 0;
  // Between samples 300 ms would be 3 Hz, 300 us 3.3 kHz; between fixations lie some 300 ms, or 300,000 us.
  const sampled = table.headers.some((header) => squeeze(header).startsWith("gazepoint"));
  const unit = middle > (sampled ? 300 : 10_000) ? 1e-6 : 1e-3;
  sink.assume(
    `time without a unit taken as ${unit === 1e-6 ? "microseconds" : "milliseconds"} by its steps`,
  );
  return unit === 1e-6 ? micro(column) : { column, unit };
}

/** Cells of a column in the head of the file; the last line of a long one may be cut. */
function columnOf({ head }: Text, column: number): string[] {
  const delimiter = delimiterOfHead(head);
  const whole = head.text.length < LIMITS.head / 4;
  return head.text.split(/\r\n|\n|\r/).slice(head.line, whole ? undefined : -1)
    .map((line) => cellsOf(line, delimiter)[column] ?? "");
}

const filledIn = (text: Text, column: number) =>
  columnOf(text, column).some((cell) => cell.trim() !== "");

function reader(
  table: Table,
  text: Text,
  sink: GazeSink,
  options: GazeOptions,
): (row: Row) => void {
  const find = (...names: string[]) => table.findSqueezed(...names);
  const { column: time, unit } = timeColumn(table, text, sink);
  const sensor = find("sensor");
  const person = table.findRole("reader", "Participant name", "ParticipantName");
  const recording = find("recordingname");
  const named = options.columns?.image === undefined
    ? [find("presentedmedianame"), find("presentedstimulusname"), find("medianame")]
    : [table.findRole("image")];
  const media = named.filter((column) => column >= 0);
  const type = find("eyemovementtype", "gazeeventtype");
  const index = find("eyemovementtypeindex", "fixationindex");
  const length = find("eyemovementeventdurationms", "gazeeventdurationms", "gazeeventduration");
  const happened = ["event", "studioevent", "mouseevent", "keypressevent", "externalevent"]
    .map((name) => find(name)).filter((column) => column >= 0);
  const side = options.eye === "left" || options.eye === "right" ? options.eye : undefined;
  const gaze = new TobiiPlaces(table, sink, "gazepoint");
  const ofSide = side && new TobiiPlaces(table, sink, `gazepoint${side}`);
  const fixation = new TobiiPlaces(table, sink, "fixationpoint");
  const eyes = eyeColumns(table, sink);
  const hasGaze = gaze.known || eyes !== undefined;
  const mapped = table.headers.find((header) => /^mapped (fixation|gaze)/i.test(header.trim()));
  if (mapped !== undefined) {
    sink.problem(
      `an export of Tobii Glasses ("${mapped.trim()}"): positions in the scene video fit no image; write those on the ` +
        "snapshot as a table image,reader,x,y,start_ms,duration_ms",
      table.line,
    );
  }
  if (!hasGaze && !fixation.known) {
    sink.problem(
      'no column "Gaze point X [MCS px]", "Gaze point X [DACS px]" or "Fixation point X [DACS px]"',
      table.line,
    );
  }
  if (hasGaze && side && !ofSide!.known) {
    sink.problem(`eye: no column "Gaze point ${side} X"`, table.line);
  }
  if (hasGaze && (side || eyes)) sink.useEye();
  if (hasGaze && side) {
    sink.assume(`fixations from samples of the ${side} eye: those of the file are of both`);
  }
  const events = new TobiiEvents(sink);
  const validities = ["left", "right"].map((one) => find(`validity${one}`));

  const addSample = (scanpath: Scanpath, t: number, row: Row): void => {
    if (ofSide) {
      const column = validities[side === "left" ? 0 : 1];
      const { x, y, mapping } = ofSide.read(row, scanpath);
      scanpath.addSample(t, isValid(table.text(row, column)) ? x : NaN, y, mapping);
      return;
    }
    const mean = gaze.read(row, scanpath);
    const place = eyes?.places.read(row, scanpath);
    // Studio has the eyes in px of the screen and their mean in px of the media, which need no place on the screen.
    if (place && (place.kind === mean.kind || !isPlace(mean.x, mean.y) || gaze.shownAt(row))) {
      return scanpath.addEyes(t, eyes!.read(row, place.kind), place.mapping, eyes!.rays);
    }
    const lost = validities.every((column) => column >= 0 && !isValid(table.text(row, column)));
    scanpath.addSample(t, lost ? NaN : mean.x, mean.y, mean.mapping);
  };

  const whole = sink.imageOfFile();
  const nowhere = warnOnce(sink);
  return (row) => {
    if (sensor >= 0 && table.text(row, sensor) !== "Eye Tracker") return;
    const t = table.number(row, time) * unit;
    if (Number.isNaN(t)) return;
    const moving = table.text(row, type);
    // Rows of events and of the mouse stand among those of the tracker.
    if (
      sensor < 0 && moving === "" && happened.some((column) => table.text(row, column) !== "") &&
      !gaze.filled(row)
    ) return;
    const shown = media.map((column) => table.text(row, column)).find((name) => name !== "") ?? "";
    const name = options.image ??
      (shown === "" || /^eye ?tracker calibration/i.test(shown) ? whole : shown);
    const who = table.text(row, person);
    const part = table.text(row, recording);
    const scanpath = name === undefined ? undefined : sink.scanpath(name, who, row.line);
    const at = scanpath ? sink.timeIn(scanpath, part, t, { line: row.line }) : t;
    if (moving === "Fixation" && !(hasGaze && side)) {
      const place = scanpath && fixation.read(row, scanpath);
      const found = place && isPlace(place.x, place.y) ? place : undefined;
      const number = table.text(row, index);
      events.fixation({
        recording: `${who}\n${part}`,
        id: number !== "" ? number : `${table.text(row, length)} ${fixation.cells(row)}`,
        t,
        at,
        duration: table.number(row, length) * 1e-3,
        scanpath,
        place: found,
      });
    } else events.other(`${who}\n${part}`, t);
    if (name === undefined) return nowhere(row.line);
    if (!scanpath || !hasGaze) return;
    if (sink.inTime(scanpath, at, row.line, time + 1)) addSample(scanpath, at, row);
  };
}

function warnOnce(sink: GazeSink): (line: number) => void {
  let said = false;
  return (line) => {
    if (!said) sink.warn("rows without a presented image are left out, from here", line);
    said = true;
  };
}

/** Pro Lab says Valid and Invalid, Studio 0 (certain) to 4 (not found); nothing is taken for valid. */
function isValid(cell: string): boolean {
  const code = Number(cell.replace(",", "."));
  return cell === "" || (Number.isNaN(code) ? cell.toLowerCase() === "valid" : code <= 1);
}

/** Both eyes' positions, and rays where all of their columns are there; undefined without positions of both. */
function eyeColumns(table: Table, sink: GazeSink) {
  const places = new TobiiPlaces(table, sink, "gazepointleft");
  const sides = ["left", "right"].map((side) => ({
    places: side === "left" ? places : new TobiiPlaces(table, sink, "gazepointright"),
    valid: table.findSqueezed(`validity${side}`),
    target: ["x", "y"].map((axis) => table.findSqueezed(`gazepoint${side}${axis}dacsmm`)),
    origin: ["x", "y", "z"].map((axis) => table.findSqueezed(`eyeposition${side}${axis}dacsmm`)),
  }));
  const [left, right] = sides;
  if (!left.places.sameKinds(right.places)) return undefined;
  const rays = sides.every(({ target, origin }) =>
    [...target, ...origin].every((column) => column >= 0)
  );
  const numbers = (row: Row, columns: number[]) =>
    columns.map((column) => table.number(row, column));
  const both = {
    /** Of which kind a row's positions are: by the left eye's cells, else by the right one's. */
    read(row: Row, scanpath: Scanpath) {
      const place = left.places.read(row, scanpath);
      return isPlace(place.x, place.y) ? place : right.places.read(row, scanpath);
    },
  };
  const read = (row: Row, kind: number) =>
    sides.map(({ places, valid, target, origin }): EyeSample | undefined => {
      if (valid >= 0 && !isValid(table.text(row, valid))) return undefined;
      const { x, y }: Point = places.of(row, kind);
      if (!rays) return { x, y };
      const [tx, ty] = numbers(row, target);
      const [ox, oy, oz] = numbers(row, origin);
      if ([tx, ty, ox, oy, oz].some(Number.isNaN)) return undefined;
      return { x, y, ray: { target: [tx, ty, 0], origin: [ox, oy, oz] } };
    }) as [EyeSample | undefined, EyeSample | undefined];
  return { places: both, read, rays };
}
