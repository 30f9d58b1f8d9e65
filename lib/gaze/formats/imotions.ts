/**
 * iMotions' sensor exports: lines with `#` about the study, `#DATA`, then a table in which rows of all sensors stand
 * among each other; those of the eye tracker have `ET_GazeLeftx, ET_GazeLefty, ET_GazeRightx, ET_GazeRighty` (px of the
 * screen, -1 where an eye was not found), the picture is `SourceStimuliName` (before: `StimulusName`), time is in ms.
 */
import type { GazeFormat } from "./gaze_format.ts";
import { headersOf } from "./head.ts";
import { readTable, type Row } from "./gaze_table.ts";
import type { Point } from "./eyes.ts";
import type { Scanpath } from "./scanpath.ts";
import { plainWord } from "./table_cell.ts";

const GAZE = /^(et_)?gazeleftx$/;
const PERSON = /^#\s*(respondent name|respondent|participant|participant name)$/i;

export const imotions: GazeFormat = {
  title: "iMotions sensor export",
  detect(head) {
    const headers = headersOf(head.first);
    return headers.includes("timestamp") && headers.some((header) => GAZE.test(header));
  },
  async parse(text, sink, options) {
    sink.rebase = true;
    sink.timeUnit = "ms";
    sink.assume("time in ms; positions in screen px");
    let person = "";
    const isHeader = ({ cells }: Row) => {
      if (PERSON.test(cells[0].trim())) person = cells[1]?.trim() ?? "";
      return cells.some((cell) => GAZE.test(plainWord(cell)));
    };
    await readTable(text, sink, (table) => {
      const time = table.need("Timestamp");
      const eyes = ["left", "right"].map((side) =>
        ["x", "y"].map((axis) => table.find(`ET_Gaze${side}${axis}`, `Gaze${side}${axis}`))
      );
      const stimulus = table.findRole("image", "SourceStimuliName", "StimulusName");
      const reader = table.findRole("reader", "Participant", "Respondent", "Name");
      sink.useEye();
      const placed = new Set<Scanpath>();
      return (row) => {
        // Other sensors' rows have no gaze at all, not even a missing one.
        if (eyes.flat().every((column) => table.text(row, column) === "")) return;
        const read = table.number(row, time) * 1e-3;
        if (Number.isNaN(read)) {
          return sink.tally("rows without a time left out", row.line, time + 1);
        }
        const named = table.text(row, stimulus);
        const scanpath = sink.scanpath(
          named === "" ? "" : sink.imageByPath(named),
          table.text(row, reader) || person,
          row.line,
        );
        if (!scanpath) return;
        if (!placed.has(scanpath)) sink.onScreen(scanpath, row.line);
        placed.add(scanpath);
        if (!sink.inTime(scanpath, read, row.line, time + 1)) return;
        const [left, right]: Point[] = eyes.map(([x, y]) => ({
          x: table.number(row, x),
          y: table.number(row, y),
        }));
        if (options.eye === "left") scanpath.addSample(read, left.x, left.y);
        else if (options.eye === "right") scanpath.addSample(read, right.x, right.y);
        else scanpath.addEyes(read, [left, right]);
      };
    }, { isHeader });
  },
};
