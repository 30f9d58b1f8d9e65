/** Gazepoint Analysis exports (all gaze or fixations), and EGD-CXR's, which add positions on the radiograph. */
import type { GazeFormat, GazeOptions } from "./format.ts";
import { MASTER_SHEET, readShownImages, type Shown } from "./master_sheet.ts";
import type { Recording } from "./sink.ts";
import type { Scanpath } from "./scanpath.ts";
import { headersOf, readTable, type Row, type Table } from "./gaze_table.ts";

export const gazepoint: GazeFormat = {
  title: "Gazepoint export (EGD-CXR included)",
  isCompanion: (file) => file === MASTER_SHEET,
  detect(head) {
    const headers = headersOf(head.first);
    return headers.includes("fpogx") || headers.includes("bpogx") || headers.includes("x_original");
  },
  async parse(text, recording, options) {
    const shown = await readShownImages(options);
    await readTable(text, recording, (table) => reader(table, recording, options, shown));
  },
};

/** A fixation whose rows are still being read: the last of them counts. */
interface Open {
  id: string;
  scanpath: Scanpath;
  x: number;
  y: number;
  start: number;
  duration: number;
}

function reader(
  table: Table,
  recording: Recording,
  options: GazeOptions,
  shown: Map<string, Shown>,
): (row: Row) => void {
  const dicom = table.find("dicom_id");
  const image = dicom >= 0 ? dicom : table.find("media_name", "media_id");
  const person = table.find("user_name", "participant");
  const time = table.headers.findIndex((header) => /^\s*"?TIME( |\(|$)/i.test(header));
  // Gazepoint names its exports "User 1_all_gaze.csv".
  const user = /(^|\/)([^/]+)_(all_gaze|fixations)\./.exec(options.file)?.[2] ?? "";
  const id = table.find("fpogid");
  const [fx, fy, fs, fd, fv] = ["fpogx", "fpogy", "fpogs", "fpogd", "fpogv"].map((name) =>
    table.find(name)
  );
  const [bx, by, bv] = ["bpogx", "bpogy", "bpogv"].map((name) => table.find(name));
  const original = [table.find("x_original"), table.find("y_original")];
  const onImage = original[0] >= 0 && original[1] >= 0;
  // A fixations file has a row per fixation, an all-gaze file one per sample.
  const sampled = time >= 0 && bx >= 0 && !/fixations?\b/i.test(options.file);
  if (fd < 0 || fs < 0 || id < 0) {
    recording.problem('no columns "FPOGS", "FPOGD", "FPOGID"', table.line);
  }
  recording.assume(onImage ? "positions in px of the radiograph" : "positions 0..1 of the screen");
  recording.assume("time in s");

  const placed = new Set<Scanpath>();
  const place = (scanpath: Scanpath, name: string, line: number) => {
    if (placed.has(scanpath)) return;
    placed.add(scanpath);
    if (onImage) return;
    const on = shown.get(name);
    if (on && scanpath.size) {
      recording.assume("the radiograph's place on the screen by the pads in master_sheet.csv");
      const { width, height } = scanpath.size;
      const wide = width + on.left + on.right;
      const high = height + on.top + on.bottom;
      scanpath.mapping = { ax: wide, bx: -on.left, ay: high, by: -on.top };
    } else recording.onScreen(scanpath, line, { normalised: true });
  };

  let open: Open | undefined;
  const close = () => {
    if (open) open.scanpath.addFixation(open.x, open.y, open.start, open.duration);
    open = undefined;
  };
  recording.atEnd(close);
  return (row) => {
    const name = table.text(row, image);
    const scanpath = recording.scanpath(name, table.text(row, person) || user, row.line);
    if (!scanpath) return;
    place(scanpath, name, row.line);
    if (sampled) {
      const t = table.number(row, time);
      const valid = bv < 0 || table.text(row, bv) === "1";
      if (t < scanpath.lastTime) {
        recording.warn("time goes backwards: row left out", row.line, time + 1);
      } else if (!Number.isNaN(t)) {
        const [x, y] = onImage ? original : [bx, by];
        scanpath.addSample(t, valid ? table.number(row, x) : NaN, table.number(row, y));
      }
    }
    const event = `${name} ${table.text(row, id)}`;
    if (open && (open.id !== event || open.scanpath !== scanpath)) close();
    if (fv >= 0 && table.text(row, fv) !== "1") return;
    const [x, y] = (onImage ? original : [fx, fy]).map((column) => table.number(row, column));
    open = {
      id: event,
      scanpath,
      x,
      y,
      start: table.number(row, fs),
      duration: table.number(row, fd),
    };
  };
}
