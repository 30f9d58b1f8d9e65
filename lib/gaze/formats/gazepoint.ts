/**
 * Gazepoint Analysis exports (all gaze or fixations), logs of the Open Gaze API (PyOpenGaze), and EGD-CXR's exports, which add positions on the radiograph. As
 * EGD-CXR's scripts write these: `X_ORIGINAL, Y_ORIGINAL` come from FPOGX, FPOGY by the pads of the 1920 x 1080
 * screen, and beside the radiograph both are a small negative number that is the same for all of such rows.
 */
import type { GazeOptions } from "./format.ts";
import type { GazeFormat } from "./gaze_format.ts";
import { NOWHERE, type Point } from "./eyes.ts";
import { EGD_SCREEN, readShownImages, type Shown } from "./master_sheet.ts";
import { ShownPicture } from "./shown_picture.ts";
import type { GazeSink } from "./sink.ts";
import { IDENTITY, type Scanpath } from "./scanpath.ts";
import { headersOf } from "./head.ts";
import { readTable, type Row, type Table } from "./gaze_table.ts";
import type { Mapping } from "../gaze.ts";

export const gazepoint: GazeFormat = {
  title: "Gazepoint export (EGD-CXR included)",
  detect(head) {
    const headers = headersOf(head.first);
    return headers.some((header) => /^([fblr]pogx|x_original)$/.test(header));
  },
  async parse(text, sink, options) {
    const shown = await readShownImages(options);
    await readTable(text, sink, (table) => reader(table, sink, options, shown));
  },
};

/** A fixation whose rows are still being read: the last of them counts. */
interface Open extends Point {
  id: string;
  scanpath: Scanpath;
  mapping: Mapping;
  start: number;
  duration: number;
  valid: boolean;
  /** Beside the radiograph. */
  away: boolean;
  /** Where it began on another picture: when this one came, s. */
  from?: number;
}

/** A sample that is kept until it is known whether rows are samples. */
interface Kept {
  scanpath: Scanpath;
  t: number;
  eyes: Point[];
  mapping: Mapping;
  line: number;
}

function reader(
  table: Table,
  sink: GazeSink,
  options: GazeOptions,
  shown: Map<string, Shown>,
): (row: Row) => void {
  const dicom = table.find("dicom_id");
  const image = options.columns?.image !== undefined
    ? table.findRole("image")
    : dicom >= 0
    ? dicom
    : table.find("media_name", "media_id");
  const person = table.findRole("reader", "user_name", "participant");
  const time = table.headers.findIndex((header) => /^\s*"?TIME( |\(|$)/i.test(header));
  // Gazepoint names its exports "User 1_all_gaze.csv".
  const owner = /(^|\/)([^/]+)_(all_gaze|fixations)\./.exec(options.file)?.[2] ?? "";
  const session = table.find("session_id");
  // The programs of the Open Gaze API have pictures in what the experiment sends as USER.
  const user = image < 0 ? table.find("user") : -1;
  const picture = new ShownPicture(sink);
  const id = table.find("fpogid");
  const [fx, fy, fs, fd, fv] = ["fpogx", "fpogy", "fpogs", "fpogd", "fpogv"].map((name) =>
    table.find(name)
  );
  const pog = (side: string) => ["x", "y", "v"].map((axis) => table.find(`${side}pog${axis}`));
  const [best, left, right] = ["b", "l", "r"].map(pog);
  const original = [table.find("x_original"), table.find("y_original")];
  const onImage = original[0] >= 0 && original[1] >= 0;
  const fixed = fd >= 0 && fs >= 0 && id >= 0;
  const side = options.eye === "left" ? left : options.eye === "right" ? right : undefined;
  const both = left[0] >= 0 && right[0] >= 0;
  const sampled = time >= 0 && (both || (side ?? best)[0] >= 0);
  if (!fixed && !sampled) {
    sink.problem(
      'no columns "FPOGS", "FPOGD", "FPOGID" (fixations), nor "TIME" and "BPOGX" (samples)',
      table.line,
    );
  }
  if (side && side[0] < 0) {
    sink.problem(`eye: no column "${options.eye === "left" ? "L" : "R"}POGX"`, table.line);
  }
  if (side || both) sink.useEye();
  sink.assume(
    onImage
      ? "positions in px of the radiograph, where they are told"
      : "positions 0..1 of the screen",
  );
  sink.assume("time in s");

  const mappings = new Map<Scanpath, Mapping>();
  /** From shares of the screen to the image. */
  const ofScreen = (scanpath: Scanpath, name: string, line: number): Mapping => {
    const known = mappings.get(scanpath);
    if (known) return known;
    const before = { mapping: scanpath.mapping, positions: scanpath.positions };
    const pads = shown.get(name);
    const { size } = scanpath;
    if (pads && size) {
      sink.assume("the radiograph's place on the screen by the pads in master_sheet.csv");
      sink.onScreen(scanpath, line, { told: EGD_SCREEN, on: pads.on, normalised: true });
    } else sink.onScreen(scanpath, line, { normalised: true });
    const { mapping } = scanpath;
    if (onImage) Object.assign(scanpath, before);
    mappings.set(scanpath, mapping);
    return mapping;
  };

  let open: Open | undefined;
  let [rows, fixations] = [0, 0];
  const kept: Kept[] = [];
  /** Fixations without a valid row: not yet sure ones, or lost ones where a row is a fixation. */
  const never: Open[] = [];
  const found: Open[] = [];
  const close = () => {
    if (open?.valid && open.away) open.scanpath.away++;
    else if (open) (open.valid ? found : never).push(open);
    open = undefined;
  };
  sink.atEnd(() => {
    close();
    // One row a fixation is a table of fixations, whatever else stands in it.
    const tableOfFixations = fixed && rows === fixations;
    for (const { scanpath, x, y, start, duration, mapping, from = -Infinity } of found) {
      const begin = tableOfFixations || !(from > start) ? start : from;
      if (begin > start) {
        sink.assume("fixations during which the picture changed count on each for its part");
      }
      scanpath.addFixation(x, y, begin, Math.max(0, start + duration - begin), mapping);
    }
    if (tableOfFixations) {
      for (const { scanpath, start, duration } of never) {
        scanpath.addFixation(NaN, NaN, start, duration);
      }
      return;
    }
    for (const { scanpath, t, eyes, mapping, line } of kept) {
      if (!sink.inTime(scanpath, t, line, time + 1)) continue;
      if (eyes.length === 2) scanpath.addEyes(t, [eyes[0], eyes[1]], mapping);
      else scanpath.addSample(t, eyes[0].x, eyes[0].y, mapping);
    }
  });
  const point = (row: Row, [x, y, v]: number[]): Point =>
    v >= 0 && table.text(row, v) !== "1"
      ? NOWHERE
      : { x: table.number(row, x), y: table.number(row, y) };

  return (row) => {
    if (user >= 0) picture.read(table.text(row, user));
    const name = image < 0 ? picture.image : table.text(row, image);
    const scanpath = sink.scanpath(name, table.text(row, person) || owner, row.line);
    if (!scanpath) return;
    const radiograph = onImage ? onRadiograph(table, row, original) : undefined;
    const mapping = radiograph ? IDENTITY : ofScreen(scanpath, name, row.line);
    const part = table.text(row, session);
    rows++;
    const valid = fv < 0 || table.text(row, fv) === "1";
    let now = NaN;
    if (sampled) {
      const t = table.number(row, time);
      // Positions on the radiograph are made of the fixations' positions.
      const eyes = radiograph && !side
        ? [valid ? radiograph : NOWHERE]
        : (side ? [side] : both ? [left, right] : [best]).map((of) => point(row, of));
      const own = radiograph && side ? ofScreen(scanpath, name, row.line) : mapping;
      if (Number.isNaN(t)) sink.tally("rows without a time left out", row.line, time + 1);
      else {
        now = sink.timeIn(scanpath, part, t, { line: row.line });
        kept.push({ scanpath, t: now, eyes, mapping: own, line: row.line });
      }
    }
    if (!fixed || (side && sampled)) return;
    const event = table.text(row, id);
    let from: number | undefined;
    if (open?.id !== event || open.scanpath !== scanpath) {
      from = open?.id === event ? now : undefined;
      close();
      fixations++;
    } else from = open.from;
    const { x, y } = radiograph ?? { x: table.number(row, fx), y: table.number(row, fy) };
    const start = sink.timeIn(scanpath, part, table.number(row, fs), { line: row.line });
    const duration = table.number(row, fd);
    const away = radiograph === NOWHERE;
    if (valid) open = { id: event, scanpath, mapping, x, y, start, duration, valid, away, from };
    else open ??= { id: event, scanpath, mapping, ...NOWHERE, start, duration, valid, away, from };
  };
}

/** The position on the radiograph; undefined where the row has none. Beside the radiograph both are negative. */
function onRadiograph(table: Table, row: Row, [x, y]: number[]): Point | undefined {
  if (table.text(row, x) === "" || table.text(row, y) === "") return undefined;
  const point = { x: table.number(row, x), y: table.number(row, y) };
  return point.x < 0 && point.y < 0 ? NOWHERE : point;
}
