/**
 * Fixations of I2MC (`allfixations.txt`): `FixStart FixEnd FixDur XPos YPos FlankedByDataLoss ... Participant Trial`,
 * in ms and px of the screen; a trial is called by the file that its samples were in.
 */
import type { GazeFormat } from "./gaze_format.ts";
import { headersOf } from "./head.ts";
import { readTable } from "./gaze_table.ts";
import type { Scanpath } from "./scanpath.ts";

export const i2mc: GazeFormat = {
  title: "I2MC fixations",
  detect(head) {
    const headers = headersOf(head.first);
    return ["fixstart", "fixdur", "xpos", "ypos"].every((header) => headers.includes(header));
  },
  async parse(text, sink) {
    sink.rebase = true;
    sink.timeUnit = "ms";
    sink.assume("time in ms; positions in screen px");
    await readTable(text, sink, (table) => {
      const [start, duration, x, y] = ["FixStart", "FixDur", "XPos", "YPos"].map((name) =>
        table.need(name)
      );
      const image = table.findRole("image", "Trial");
      const reader = table.findRole("reader", "Participant");
      const placed = new Set<Scanpath>();
      return (row) => {
        const trial = table.text(row, image).replace(/\.(tsv|txt|csv)$/i, "");
        const scanpath = sink.scanpath(
          trial === "" ? "" : sink.imageByPath(trial),
          table.text(row, reader),
          row.line,
        );
        if (!scanpath) return;
        if (!placed.has(scanpath)) sink.onScreen(scanpath, row.line);
        placed.add(scanpath);
        const length = table.number(row, duration) * 1e-3;
        if (length < 0) sink.problem(`duration ${length} s is negative`, row.line, duration + 1);
        scanpath.addFixation(
          table.number(row, x),
          table.number(row, y),
          table.number(row, start) * 1e-3,
          length,
        );
      };
    });
  },
};
