/** Exports of Tobii Pro Lab (and, under its older names, Tobii Studio): one row per sample, event or mouse move. */
import type { GazeFormat, GazeOptions } from "./format.ts";
import type { Recording } from "./sink.ts";
import { type EyeSample, ofRectangle, type Scanpath } from "./scanpath.ts";
import { headersOf, readTable, type Row, squeeze, type Table } from "./gaze_table.ts";
import type { Text } from "./text.ts";

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
  async parse(text, recording, options) {
    recording.rebase = true;
    await readTable(text, recording, (table) => reader(table, text, recording, options));
  },
};

/** Seconds per unit of the time column: older files have microseconds without saying so. */
function timeColumn(
  table: Table,
  text: Text,
  recording: Recording,
): { column: number; unit: number } {
  const tracker = table.findSqueezed("eyetrackertimestamps", "eyetrackertimestamp");
  if (tracker >= 0) {
    recording.assume("time by the eye tracker's clock, microseconds");
    return { column: tracker, unit: 1e-6 };
  }
  const named = table.findSqueezed("recordingtimestampms");
  if (named >= 0) return { column: named, unit: 1e-3 };
  const column = table.findSqueezed("recordingtimestamps", "recordingtimestamp");
  if (column < 0) {
    recording.problem('no column "Recording timestamp [ms]"', table.line);
    return { column, unit: 1 };
  }
  if (squeeze(table.headers[column]).endsWith("stamps")) return { column, unit: 1e-6 };
  const times = text.head.text.split("\n").slice(1, -1).map((line) =>
    Number(line.split("\t")[column])
  );
  const steps = times.slice(1).map((time, i) => time - times[i]).filter((step) => step > 0);
  const middle = steps.sort((a, b) => a - b)[steps.length >> 1] ?? 0;
  // 300 ms between samples would be 3 Hz; 300 us would be 3.3 kHz.
  const unit = middle > 300 ? 1e-6 : 1e-3;
  recording.assume(
    `time without a unit taken as ${unit === 1e-6 ? "microseconds" : "milliseconds"} by its steps`,
  );
  return { column, unit };
}

/** A pair of columns for x and y. */
type Pair = [number, number];

/** Where a scanpath's positions come from. */
interface Source {
  gaze: Pair;
  fixation: Pair;
  /** Index of the event that the last fixation was. */
  event: string;
  rays: boolean;
}

function reader(
  table: Table,
  text: Text,
  recording: Recording,
  options: GazeOptions,
): (row: Row) => void {
  const find = (...names: string[]) => table.findSqueezed(...names);
  const pair = (name: string, unit: string): Pair => [
    find(`${name}x${unit}`, `${name}x${unit.replace("dacs", "adcs")}`),
    find(`${name}y${unit}`, `${name}y${unit.replace("dacs", "adcs")}`),
  ];
  const { column: time, unit } = timeColumn(table, text, recording);
  const sensor = find("sensor");
  const person = find("participantname");
  const media = [find("presentedmedianame"), find("presentedstimulusname"), find("medianame")]
    .filter((column) => column >= 0);
  const type = find("eyemovementtype", "gazeeventtype");
  const index = find("eyemovementtypeindex", "fixationindex");
  const length = find("eyemovementeventdurationms", "gazeeventdurationms", "gazeeventduration");
  const side = options.eye === "left" || options.eye === "right" ? options.eye : "";
  const screenPair = (name: string) => {
    const named = pair(name, "dacspx");
    return named[0] >= 0 ? named : pair(name, "");
  };
  const columns = {
    mcs: pair(`gazepoint${side}`, "mcspx"),
    mcsNorm: pair(`gazepoint${side}`, "mcsnorm"),
    dacs: screenPair(`gazepoint${side}`),
  };
  const eyes = eyeColumns(find);
  const rect = [
    find("presentedmediapositionxdacspx", "mediaposxadcspx"),
    find("presentedmediapositionydacspx", "mediaposyadcspx"),
    find("presentedmediawidthpx", "presentedmediawidth", "mediawidth"),
    find("presentedmediaheightpx", "presentedmediaheight", "mediaheight"),
  ];
  const original = [find("originalmediawidthpx"), find("originalmediaheightpx")];
  const resolution = [find("recordingresolutionwidthpx"), find("recordingresolutionheightpx")];
  if (columns.mcs[0] < 0 && columns.mcsNorm[0] < 0 && columns.dacs[0] < 0) {
    recording.problem('no column "Gaze point X [MCS px]" or "Gaze point X [DACS px]"', table.line);
  }

  const place = (scanpath: Scanpath, row: Row): Source => {
    const [x, y, width, height] = rect.map((column) => table.number(row, column));
    const source = (gaze: Pair, unit: string): Source => ({
      gaze,
      fixation: unit === "" ? screenPair("fixationpoint") : pair("fixationpoint", unit),
      event: "",
      rays: unit === "" && side === "" && eyes !== undefined,
    });
    const has = ([column]: Pair) => column >= 0 && table.text(row, column) !== "";
    if (columns.dacs[0] >= 0 && x >= -Infinity && width > 0 && height > 0) {
      recording.assume(
        "screen px taken to image px by the position and size of the presented media",
      );
      recording.onScreen(scanpath, row.line, { on: { x, y, width, height } });
      return source(columns.dacs, "");
    }
    if (has(columns.mcs)) {
      const size = {
        width: table.number(row, original[0]),
        height: table.number(row, original[1]),
      };
      if (scanpath.size && size.width > 0 && size.height > 0) {
        scanpath.mapping = ofRectangle({ x: 0, y: 0, ...size }, scanpath.size);
      }
      recording.assume("positions in px of the media");
      return source(columns.mcs, "mcspx");
    }
    if (has(columns.mcsNorm)) {
      recording.normalised(scanpath, row.line);
      recording.assume("positions 0..1 of the media");
      return source(columns.mcsNorm, "mcsnorm");
    }
    const [screenWidth, screenHeight] = resolution.map((column) => table.number(row, column));
    const told = screenWidth > 0 ? { width: screenWidth, height: screenHeight } : undefined;
    recording.onScreen(scanpath, row.line, { told });
    return source(columns.dacs, "");
  };

  const sources = new Map<Scanpath, Source>();
  const whole = recording.imageOfFile();
  const nowhere = warnOnce(recording);
  return (row) => {
    if (sensor >= 0 && table.text(row, sensor) !== "Eye Tracker") return;
    const t = table.number(row, time) * unit;
    if (Number.isNaN(t)) return;
    const shown = media.map((column) => table.text(row, column)).find((name) => name !== "") ?? "";
    const name = options.image ??
      (shown === "" || /^eye ?tracker calibration/i.test(shown) ? whole : shown);
    if (name === undefined) return nowhere(row.line);
    const scanpath = recording.scanpath(name, table.text(row, person), row.line);
    if (!scanpath) return;
    let source = sources.get(scanpath);
    if (!source) sources.set(scanpath, source = place(scanpath, row));
    if (t < scanpath.lastTime) {
      return recording.warn("time goes backwards: row left out", row.line, time + 1);
    }
    const [x, y] = source.gaze.map((column) => table.number(row, column));
    if (source.rays) scanpath.addEyes(t, x, y, [eyes!.left(table, row), eyes!.right(table, row)]);
    else scanpath.addSample(t, x, y);
    const event = table.text(row, type) === "Fixation" ? `${name} ${table.text(row, index)}` : "";
    if (event !== "" && event !== source.event) {
      const [fx, fy] = source.fixation.map((column) => table.number(row, column));
      scanpath.addFixation(fx, fy, t, table.number(row, length) * 1e-3);
    }
    source.event = event;
  };
}

function warnOnce(recording: Recording): (line: number) => void {
  let said = false;
  return (line) => {
    if (!said) recording.warn("rows without a presented image are left out, from here", line);
    said = true;
  };
}

/** Columns of both eyes' positions and rays, undefined where they are not all there. */
function eyeColumns(find: (...names: string[]) => number) {
  const columnsOf = (side: string) =>
    [
      [`gazepoint${side}xdacspx`, `gazepoint${side}ydacspx`],
      [`gazepoint${side}xdacsmm`, `gazepoint${side}ydacsmm`],
      ["x", "y", "z"].map((axis) => `eyeposition${side}${axis}dacsmm`),
    ].map((names) => names.map((name) => find(name)));
  const read = (side: string) => {
    const [px, mm, origin] = columnsOf(side);
    const valid = find(`validity${side}`);
    return (table: Table, row: Row): EyeSample | undefined => {
      if (valid >= 0 && table.text(row, valid) !== "Valid") return undefined;
      const [x, y] = px.map((column) => table.number(row, column));
      const [tx, ty] = mm.map((column) => table.number(row, column));
      const [ox, oy, oz] = origin.map((column) => table.number(row, column));
      if ([x, y, tx, ty, ox, oy, oz].some(Number.isNaN)) return undefined;
      return { x, y, target: [tx, ty, 0], origin: [ox, oy, oz] };
    };
  };
  const all = [...columnsOf("left"), ...columnsOf("right")].flat();
  return all.every((column) => column >= 0)
    ? { left: read("left"), right: read("right") }
    : undefined;
}
