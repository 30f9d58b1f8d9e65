/**
 * SMI BeGaze's (IDF Event Detector's) event exports: `Table Header for Fixations:` and others, then rows of all kinds:
 * `Fixation L <trial> <number> <start> <end> <duration> <x> <y> ...` in us and px, `UserEvent <trial> <number> <start>
 * # Message: picture.bmp`.
 */
import { numberOf } from "./table_cell.ts";
import type { GazeSink } from "./sink.ts";
import { ShownPicture } from "./shown_picture.ts";
import type { Scanpath } from "./scanpath.ts";
import type { Text } from "./text.ts";
import { delimiterOf } from "./head.ts";
import type { Size } from "../gaze.ts";

/** Columns of a fixation's row, where the file has no header for it. */
const COLUMNS = "Event Type,Trial,Number,Start,End,Duration,Location X,Location Y".split(",");

export const isEventExport = (text: string) =>
  /^"?Table Header for (Fixations|Saccades)/m.test(text);

interface Fixation {
  eye: string;
  image: string;
  trial: string;
  start: number;
  duration: number;
  x: number;
  y: number;
  line: number;
}

export async function readEvents(text: Text, sink: GazeSink): Promise<void> {
  sink.rebase = true;
  sink.timeUnit = "us";
  sink.assume("time in microseconds");
  const wanted = sink.useEye();
  const shown = new ShownPicture(sink);
  let columns = COLUMNS;
  let [subject, section, trialNow] = ["", "", ""];
  let told: Size | undefined;
  const fixations: Fixation[] = [];
  await text.eachLine((line, number) => {
    const delimiter = delimiterOf(line);
    const cells = line.split(delimiter).map((cell) => cell.replace(/^"|"$/g, "").trim());
    const [kind, trial] = cells;
    if (/^Table Header for/i.test(kind)) section = kind;
    else if (/^Event Type$/i.test(kind)) {
      if (/Fixations/i.test(section)) columns = cells;
    } else if (/^(## )?Subject/i.test(kind)) subject = cells[1] ?? "";
    else if (/^(## )?Calibration Area/i.test(kind)) {
      const [width, height] = [numberOf(cells[1]) ?? 0, numberOf(cells[2]) ?? 0];
      if (width > 0 && height > 0) told = { width, height };
    } else if (/^UserEvent/i.test(kind)) {
      if (trial !== trialNow) shown.image = "";
      trialNow = trial;
      shown.read(cells.slice(4).join(" ").replace(/^# Message:\s*/, ""));
    } else if (/^Fixation\b/i.test(kind)) {
      if (trial !== trialNow) shown.image = "";
      trialNow = trial;
      const at = (name: string) => {
        const column = columns.findIndex((one) => one.toLowerCase() === name.toLowerCase());
        const value = numberOf(cells[column], delimiter !== ",");
        if (value === undefined) {
          sink.problem(`${name}: "${cells[column]}" is not a number`, number, column + 1);
        }
        return value ?? NaN;
      };
      fixations.push({
        eye: /\bR$/i.test(kind) ? "right" : /\bL$/i.test(kind) ? "left" : "",
        image: shown.image,
        trial,
        start: at("Start") * 1e-6,
        duration: at("Duration") * 1e-6,
        x: at("Location X"),
        y: at("Location Y"),
        line: number,
      });
    }
  });
  give(fixations, sink, wanted, subject, told);
}

/** Which eye's fixations count is decided trial by trial. */
function give(
  fixations: Fixation[],
  sink: GazeSink,
  wanted: "average" | "left" | "right",
  subject: string,
  told?: Size,
): void {
  const placed = new Set<Scanpath>();
  for (const [trial, own] of Map.groupBy(fixations, ({ trial }) => trial)) {
    const eyes = new Set(own.map(({ eye }) => eye));
    const side = wanted === "average" ? (eyes.has("left") ? "left" : "right") : wanted;
    if (eyes.size > 1) sink.assume(`fixations of the ${side} eye, where the export has both`);
    if (!eyes.has(side) && !eyes.has("")) {
      sink.tally(`trials in which the ${side} eye was not recorded left out`, own[0].line);
    }
    for (const { eye, image, start, duration, x, y, line } of own) {
      if (eye !== side && eye !== "") continue;
      const scanpath = sink.scanpath(image, subject, line);
      if (!scanpath) continue;
      if (!placed.has(scanpath)) sink.onScreen(scanpath, line, { told });
      placed.add(scanpath);
      scanpath.addFixation(x, y, sink.timeIn(scanpath, trial, start, { line }), duration);
    }
  }
}
