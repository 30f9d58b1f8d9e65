/**
 * Fixation reports of EyeLink Data Viewer, in px of the screen, and GazeMedSeg's tables, which have shares of the
 * image (0 to 1) under the same names; a trial is one or the other by all of its positions.
 */
import { plainWord } from "./table_cell.ts";
import { isPlace } from "./eyes.ts";
import type { GazeFormat } from "./gaze_format.ts";
import { headersOf } from "./head.ts";
import { IDENTITY, type Scanpath } from "./scanpath.ts";
import { readTable } from "./gaze_table.ts";
import type { GazeSink } from "./sink.ts";

const X = "current_fix_x";
const IMAGES = ["image", "imagefile", "image_file", "image_name", "img", "stimulus", "picture"];

/** Gaze does not go that many lengths of the image away from it; in px it is the image's very corner. */
const FAR = 20;

interface ReportedFixation {
  x: number;
  y: number;
  start: number;
  duration: number;
}

/** One reader's trial on one image. */
interface Trial {
  scanpath: Scanpath;
  name: string;
  line: number;
  /** By eye: "left", "right", or "" where the report does not say. */
  eyes: Map<string, ReportedFixation[]>;
}

export const eyelink_dataviewer: GazeFormat = {
  title: "EyeLink Data Viewer fixation report",
  detect: (head) => headersOf(head.first).includes(X),
  async parse(text, sink, options) {
    sink.rebase = true;
    sink.timeUnit = "ms";
    const trials = new Map<string, Trial>();
    await readTable(text, sink, (table) => {
      const [x, y, duration] = [
        table.need("CURRENT_FIX_X"),
        table.need("CURRENT_FIX_Y"),
        table.need("CURRENT_FIX_DURATION"),
      ];
      const start = table.find("CURRENT_FIX_START");
      const image = table.findRole("image", ...IMAGES);
      const reader = table.findRole("reader", "RECORDING_SESSION_LABEL");
      const trial = table.find("TRIAL_INDEX", "TRIAL_LABEL");
      const eye = table.find("EYE_REPORTED", "EYE_USED");
      if (eye >= 0) sink.useEye();
      return (row) => {
        const length = table.number(row, duration) * 1e-3;
        const begin = table.number(row, start) * 1e-3;
        const [px, py] = [table.position(row, x), table.position(row, y)];
        const scanpath = sink.scanpath(table.text(row, image), table.text(row, reader), row.line);
        if (!scanpath) return;
        const name = table.text(row, trial);
        const key = `${scanpath.reader}\n${scanpath.image}\n${name}`;
        let of = trials.get(key);
        if (!of) trials.set(key, of = { scanpath, name, line: row.line, eyes: new Map() });
        const side = /^(left|right)$/.exec(plainWord(table.text(row, eye)))?.[1] ?? "";
        const fixations = of.eyes.get(side) ?? [];
        of.eyes.set(side, fixations);
        fixations.push({ x: px, y: py, start: begin, duration: length });
      };
    });
    sink.atEnd(() => {
      const units = [...trials.values()].map(({ eyes }) => unitOf([...eyes.values()].flat()));
      // A trial that may be either is what the others of the file clearly are.
      const usual = units.includes("px") ? "px" : "shares";
      [...trials.values()].forEach((trial, i) => give(trial, sink, units[i] ?? usual, options.eye));
    });
  },
};

function give(
  { scanpath, name, line, eyes }: Trial,
  sink: GazeSink,
  unit: "px" | "shares",
  wanted = "average",
): void {
  const side = wanted === "average" ? (eyes.size > 1 ? "left" : [...eyes.keys()][0]) : wanted;
  const fixations = eyes.get(side) ?? eyes.get("");
  if (!fixations) {
    return sink.tally(`trials in which the ${side} eye was not reported left out`, line);
  }
  if (eyes.size > 1) sink.assume(`fixations of the ${side} eye, where the report has both`);
  scanpath.mapping = IDENTITY;
  if (unit === "shares") {
    sink.assume("positions 0..1 of the image (by all positions of the trial)");
    sink.normalised(scanpath, line);
  } else {
    sink.assume("positions in screen px");
    sink.onScreen(scanpath, line);
  }
  for (const { x, y, start, duration } of fixations) {
    // Times begin anew in every trial.
    const t = Number.isNaN(start)
      ? start
      : sink.timeIn(scanpath, name, start, { origin: "zero", pause: 0, line });
    scanpath.addFixation(x, y, t, duration);
  }
}

/** Whether the positions of a trial are px or shares, undefined where they may be either. */
function unitOf(fixations: ReportedFixation[]): "px" | "shares" | undefined {
  const places = fixations.filter(({ x, y }) => isPlace(x, y));
  const within = (most: number) =>
    places.filter(({ x, y }) => Math.abs(x) <= most && Math.abs(y) <= most).length;
  if (within(FAR) < places.length) return "px";
  return 2 * within(1.5) >= places.length && places.length > 0 ? "shares" : undefined;
}
