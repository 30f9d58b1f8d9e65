/** SMI BeGaze exports: raw data (comment lines with `##`, then samples and messages in one table), and events. */
import type { GazeOptions } from "./format.ts";
import type { GazeFormat } from "./gaze_format.ts";
import { delimiterOfHead, headersOf } from "./head.ts";
import { type Point } from "./eyes.ts";
import { numberOf, plainWord } from "./table_cell.ts";
import { patternOf } from "./picture_messages.ts";
import type { Scanpath } from "./scanpath.ts";
import { readTable, type Row, type Table } from "./gaze_table.ts";
import type { GazeSink } from "./sink.ts";
import { isEventExport, readEvents } from "./smi_events.ts";
import type { Size } from "../gaze.ts";
import { pxPerDegree } from "../screen.ts";

/** Headers of the time column, with its unit in s: BeGaze 2 writes `Time` (us), BeGaze 3 `RecordingTime [ms]`. */
const TIMES: Record<string, { unit: number; name: string }> = {
  "time": { unit: 1e-6, name: "us" },
  "time [us]": { unit: 1e-6, name: "us" },
  "time [µs]": { unit: 1e-6, name: "us" },
  "time [ms]": { unit: 1e-3, name: "ms" },
  "recordingtime [ms]": { unit: 1e-3, name: "ms" },
};
const POSITION = /^([lr] por [xy]|point of regard (left|right|binocular) [xy]) \[px\]$/;

export const smi_begaze: GazeFormat = {
  title: "SMI BeGaze raw data or events",
  detect({ text, first }) {
    if (isEventExport(text) || /^## \[BeGaze\]/m.test(text) || /^Time\tType\tTrial\t/m.test(text)) {
      return true;
    }
    const headers = headersOf(first);
    return headers.some((header) => header in TIMES) &&
      headers.some((header) => POSITION.test(header));
  },
  async parse(text, sink, options) {
    if (isEventExport(text.head.text)) return await readEvents(text, sink);
    sink.rebase = true;
    const head = new Preamble();
    let messages: Messages | undefined;
    const isHeader = ({ cells }: Row) => {
      head.read(cells);
      const names = cells.map(plainWord);
      if (!names.some((name) => name in TIMES)) return false;
      if (!names.includes("type") && !names.some((name) => POSITION.test(name))) return false;
      messages = new Messages(sink, options, names.indexOf("type"), names.indexOf("trial"));
      return true;
    };
    await readTable(
      text,
      sink,
      (table) => reader(table, sink, options, head, messages!),
      {
        delimiter: /^## \[BeGaze\]/m.test(text.head.text) ? "\t" : delimiterOfHead(text.head),
        isHeader,
        isRow: ({ cells }) => messages!.isSample(cells),
      },
    );
  },
};

/** What the comment lines tell: subject, screen, distance. */
class Preamble {
  subject = "";
  screen?: Size;
  #millimetres = 0;
  #distance = 0;

  read([name, ...values]: string[]): void {
    const number = (at: number) => numberOf(values[at], true) ?? NaN;
    if (/^## Calibration Area/i.test(name) && number(0) > 0 && number(1) > 0) {
      this.screen = { width: number(0), height: number(1) };
    }
    if (/^## Subject/i.test(name)) this.subject = values[0]?.trim() ?? "";
    if (/^## Stimulus Dimension \[mm\]/i.test(name)) this.#millimetres = number(0);
    if (/^## Head Distance \[mm\]/i.test(name)) this.#distance = number(0);
  }

  get pxPerDegree(): number | undefined {
    if (!this.screen || !(this.#millimetres > 0 && this.#distance > 0)) return undefined;
    const { width, height } = this.screen;
    const screen = { width_px: width, height_px: height, width_mm: this.#millimetres };
    return pxPerDegree(screen, this.#distance);
  }
}

/** Rows of messages name the picture; those of keys and the mouse stand among them. */
class Messages {
  /** Picture of the current trial, "" where no message of it names one. */
  shown = "";
  #trial = "";
  readonly #pattern?: RegExp;

  constructor(
    readonly sink: GazeSink,
    { image_pattern }: GazeOptions,
    readonly type: number,
    readonly trial: number,
  ) {
    if (image_pattern !== undefined) this.#pattern = patternOf(image_pattern);
  }

  /** Takes a message in; whether the row is a sample. */
  isSample(cells: string[]): boolean {
    const trial = (cells[this.trial] ?? "").trim();
    if (trial !== this.#trial) this.shown = "";
    this.#trial = trial;
    const type = (cells[this.type] ?? "").trim();
    if (type === "MSG") this.#read(cells.slice(3).join(" "));
    return this.type < 0 || type === "SMP" || type === "";
  }

  #read(cell: string): void {
    const text = /# Message:\s*(\S.*)/.exec(cell)?.[1].trim();
    if (text === undefined) return;
    const image = this.#pattern ? this.#pattern.exec(text)?.[1] : this.#picture(text);
    if (image) this.shown = this.sink.imageByPath(image);
  }

  #picture(text: string): string | undefined {
    const known = this.sink.isImage(text) || /\.(png|jpe?g|bmp|tiff?|gif|dcm)$/i.test(text);
    return known ? text : undefined;
  }
}

function reader(
  table: Table,
  sink: GazeSink,
  options: GazeOptions,
  head: Preamble,
  messages: Messages,
): (row: Row) => void {
  const time = table.find(...Object.keys(TIMES));
  const { unit, name } = TIMES[plainWord(table.headers[time])] ?? TIMES.time;
  sink.timeUnit = name;
  sink.assume(`time in ${name === "us" ? "microseconds" : "milliseconds"}`);
  sink.toldPxPerDegree = head.pxPerDegree;
  const pair = (short: string, long: string) =>
    ["X", "Y"].map((axis) =>
      table.find(`${short} POR ${axis} [px]`, `Point of Regard ${long} ${axis} [px]`)
    );
  const [left, right, binocular] = [pair("L", "Left"), pair("R", "Right"), pair("B", "Binocular")];
  const { eye } = options;
  const single = eye === "left" ? left : eye === "right" ? right : undefined;
  if (single && single[0] < 0) {
    sink.problem(`eye: no column "${eye === "left" ? "L" : "R"} POR X [px]"`, table.line);
  }
  const eyes = single ? [single] : [left, right].filter(([x]) => x >= 0);
  if (eyes.length === 0 && binocular[0] >= 0) eyes.push(binocular);
  if (eyes.length === 0) {
    sink.problem('no column "L POR X [px]" or "R POR X [px]"', table.line);
  }
  sink.useEye();
  const stimulus = table.findRole("image", "Stimulus");
  const person = table.findRole("reader", "Participant", "Subject");
  const trial = table.find("Trial");
  const placed = new Set<Scanpath>();
  const point = (row: Row, [x, y]: number[]): Point => ({
    x: table.number(row, x),
    y: table.number(row, y),
  });
  return (row) => {
    const read = table.number(row, time) * unit;
    if (Number.isNaN(read)) return sink.problem("no time", row.line, time + 1);
    const named = table.text(row, stimulus);
    const unnamed = named === "" || named === "-";
    if (unnamed && messages.shown !== "") sink.use("image_pattern");
    const scanpath = sink.scanpath(
      unnamed ? messages.shown : named,
      table.text(row, person) || head.subject,
      row.line,
    );
    if (!scanpath) return;
    if (!placed.has(scanpath)) sink.onScreen(scanpath, row.line, { told: head.screen });
    placed.add(scanpath);
    const t = sink.timeIn(scanpath, table.text(row, trial), read, { line: row.line });
    if (!sink.inTime(scanpath, t, row.line, time + 1)) return;
    const points = eyes.map((columns) => point(row, columns));
    if (points.length === 2) scanpath.addEyes(t, [points[0], points[1]]);
    else scanpath.addSample(t, points[0].x, points[0].y);
  };
}
