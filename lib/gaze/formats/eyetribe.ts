/**
 * Logs of the EyeTribe as PyTribe writes them: a table of samples (`timestamp time fix state rawx rawy ... Lrawx
 * ... Rrawx ...`, px of the screen, time in ms, 0 0 where an eye was not found) with rows `MSG timestamp time text`
 * among them, which name the pictures.
 */
import type { GazeFormat } from "./gaze_format.ts";
import { headersOf } from "./head.ts";
import { readTable, type Row } from "./gaze_table.ts";
import type { Scanpath } from "./scanpath.ts";
import { ShownPicture } from "./shown_picture.ts";

export const eyetribe: GazeFormat = {
  title: "EyeTribe log (PyTribe)",
  detect(head) {
    const headers = headersOf(head.first);
    return headers.includes("lrawx") && headers.includes("rrawx") && headers.includes("time");
  },
  async parse(text, sink, options) {
    sink.rebase = true;
    sink.timeUnit = "ms";
    sink.assume("time in ms; raw positions of both eyes, screen px");
    sink.useEye();
    const shown = new ShownPicture(sink);
    const isRow = ({ cells }: Row) => {
      if (cells[0].trim() !== "MSG") return true;
      shown.read(cells.slice(3).join(" "));
      return false;
    };
    await readTable(text, sink, (table) => {
      const time = table.need("time");
      const eyes = ["L", "R"].map((side) =>
        ["x", "y"].map((axis) => table.need(`${side}raw${axis}`))
      );
      const placed = new Set<Scanpath>();
      return (row) => {
        const t = table.number(row, time) * 1e-3;
        if (Number.isNaN(t)) return sink.tally("rows without a time left out", row.line, time + 1);
        const scanpath = sink.scanpath(shown.image, "", row.line);
        if (!scanpath) return;
        if (!placed.has(scanpath)) sink.onScreen(scanpath, row.line);
        placed.add(scanpath);
        if (!sink.inTime(scanpath, t, row.line, time + 1)) return;
        const [left, right] = eyes.map(([x, y]) => ({
          x: table.number(row, x),
          y: table.number(row, y),
        }));
        if (options.eye === "left") scanpath.addSample(t, left.x, left.y);
        else if (options.eye === "right") scanpath.addSample(t, right.x, right.y);
        else scanpath.addEyes(t, [left, right]);
      };
    }, { isRow });
  },
};
