/** Dumps of the Tobii Pro SDK's gaze data as tables: a column per field, points as tuples `(0.51, 0.43)`. */
import { numberOf } from "./table_cell.ts";
import { NOWHERE, oneOf, type Point } from "./eyes.ts";
import type { GazeFormat } from "./format.ts";
import type { Scanpath } from "./scanpath.ts";
import { headersOf, readTable } from "./gaze_table.ts";

const POINT = "left_gaze_point_on_display_area";

export const tobii_sdk: GazeFormat = {
  title: "Tobii Pro SDK dump",
  detect: (head) => headersOf(head.first).includes(POINT),
  async parse(text, recording, options) {
    recording.rebase = true;
    recording.assume("time in microseconds; positions 0..1 of the display");
    await readTable(text, recording, (table) => {
      const time = table.need("device_time_stamp", "system_time_stamp");
      const eyes = ["left", "right"].map((side) => ({
        point: table.need(`${side}_gaze_point_on_display_area`),
        valid: table.find(`${side}_gaze_point_validity`),
      }));
      const [image, reader] = [
        table.find("image", "stimulus", "image_id"),
        table.find("reader", "participant", "subject", "observer"),
      ];
      const placed = new Set<Scanpath>();
      return (row) => {
        const t = table.number(row, time) * 1e-6;
        const scanpath = recording.scanpath(
          table.text(row, image),
          table.text(row, reader),
          row.line,
        );
        if (!scanpath || Number.isNaN(t)) return;
        if (!placed.has(scanpath)) recording.onScreen(scanpath, row.line, { normalised: true });
        placed.add(scanpath);
        const [left, right] = eyes.map(({ point, valid }) => {
          const found = tuple(table.text(row, point));
          if (!found) {
            recording.problem(
              `"${row.cells[point].slice(0, 40)}" is not a point (x, y)`,
              row.line,
              point + 1,
            );
          }
          return valid >= 0 && table.text(row, valid) === "0" ? NOWHERE : found ?? NOWHERE;
        });
        if (t < scanpath.lastTime) {
          return recording.warn("time goes backwards: row left out", row.line, time + 1);
        }
        const { x, y } = oneOf(left, right, options.eye);
        scanpath.addSample(t, x, y);
      };
    });
  },
};

/** `(0.5, 0.4)`, `[0.5, 0.4]` or `0.5 0.4`; undefined where it is none of these. */
function tuple(cell: string): Point | undefined {
  if (cell === "") return NOWHERE;
  const parts = cell.replace(/^[([]\s*|\s*[)\]]$/g, "").split(/\s*,\s*|\s+/);
  const [x, y] = parts.map((part) => numberOf(part));
  return parts.length === 2 && x !== undefined && y !== undefined ? { x, y } : undefined;
}
