/**
 * Dumps of the Tobii Pro SDK's gaze data as tables: a column per field, points as tuples `(0.51, 0.43)`, or, as
 * Titta writes them, a column per coordinate (`left_gaze_point_on_display_area_x`, `left_gaze_point_valid`).
 */
import { isYes, numberOf } from "./table_cell.ts";
import { NOWHERE, type Point } from "./eyes.ts";
import type { GazeFormat } from "./gaze_format.ts";
import { headersOf } from "./head.ts";
import type { Scanpath } from "./scanpath.ts";
import { readTable, type Row, type Table } from "./gaze_table.ts";
import type { GazeSink } from "./sink.ts";

const POINT = "gaze_point_on_display_area";

export const tobii_sdk: GazeFormat = {
  title: "Tobii Pro SDK or Titta dump",
  detect: (head) => headersOf(head.first).some((header) => header.includes(POINT)),
  async parse(text, sink, options) {
    sink.rebase = true;
    sink.timeUnit = "us";
    sink.assume("time in microseconds; positions 0..1 of the display");
    await readTable(text, sink, (table) => {
      const time = table.find("device_time_stamp", "system_time_stamp");
      if (time < 0) {
        sink.problem('no column "device_time_stamp" or "system_time_stamp"', table.line);
      }
      const [left, right] = ["left", "right"].map((side) => eyeOf(table, side, sink));
      const wanted = sink.useEye();
      if ((wanted === "left" && !left) || (wanted === "right" && !right)) {
        sink.problem(`eye: no column "${wanted}_${POINT}"`, table.line);
      }
      if (!left && !right) sink.problem(`no column "left_${POINT}"`, table.line);
      const image = table.findRole("image", "image", "stimulus", "image_id", "image_name");
      const reader = table.findRole("reader", "reader", "participant", "subject", "observer");
      const placed = new Set<Scanpath>();
      return (row) => {
        const t = table.number(row, time) * 1e-6;
        if (Number.isNaN(t)) return sink.tally("rows without a time left out", row.line, time + 1);
        const scanpath = sink.scanpath(table.text(row, image), table.text(row, reader), row.line);
        if (!scanpath) return;
        if (!placed.has(scanpath)) sink.onScreen(scanpath, row.line, { normalised: true });
        placed.add(scanpath);
        const eyes: [Point, Point] = [left?.(row) ?? NOWHERE, right?.(row) ?? NOWHERE];
        if (!sink.inTime(scanpath, t, row.line, time + 1)) return;
        if (options.eye === "left" || options.eye === "right") {
          const { x, y } = eyes[options.eye === "left" ? 0 : 1];
          scanpath.addSample(t, x, y);
        } else scanpath.addEyes(t, eyes);
      };
    });
  },
};

/** Reads one eye's point of a row; undefined without its columns. */
function eyeOf(table: Table, side: string, sink: GazeSink): ((row: Row) => Point) | undefined {
  const name = `${side}_${POINT}`;
  const valid = table.find(`${side}_gaze_point_validity`, `${side}_gaze_point_valid`);
  const lost = (row: Row) => valid >= 0 && !isYes(row.cells[valid]);
  const [x, y] = [table.find(`${name}_x`), table.find(`${name}_y`)];
  if (x >= 0 && y >= 0) {
    return (row) => {
      const point = { x: table.number(row, x), y: table.number(row, y) };
      return lost(row) ? NOWHERE : point;
    };
  }
  const column = table.find(name);
  if (column < 0) return undefined;
  return (row) => {
    const found = tuple(table.text(row, column));
    if (!found) {
      sink.problem(
        `"${row.cells[column].slice(0, 40)}" is not a point (x, y)`,
        row.line,
        column + 1,
      );
    }
    return lost(row) ? NOWHERE : found ?? NOWHERE;
  };
}

/** `(0.5, 0.4)`, `[0.5, 0.4]` or `0.5 0.4`; undefined where it is none of these. */
function tuple(cell: string): Readonly<Point> | undefined {
  if (cell === "" || cell.toLowerCase() === "nan") return NOWHERE;
  const bare = cell.replace(/np\.float(32|64)\(([^)]*)\)/g, "$2");
  const parts = bare.replace(/^[([]\s*|\s*[)\]]$/g, "").split(/\s*,\s*|\s+/);
  const [x, y] = parts.map((part) => numberOf(part));
  return parts.length === 2 && x !== undefined && y !== undefined ? { x, y } : undefined;
}
