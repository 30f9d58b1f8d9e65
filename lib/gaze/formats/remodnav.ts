/** Events of REMoDNaV (`onset duration label start_x start_y ...`) and scanpaths of multimatch_gaze (`start_x ...`). */
import type { GazeFormat } from "./gaze_format.ts";
import { headersOf } from "./head.ts";
import { readTable } from "./gaze_table.ts";
import type { Scanpath } from "./scanpath.ts";

export const remodnav: GazeFormat = {
  title: "REMoDNaV events or multimatch_gaze scanpath",
  detect(head) {
    const headers = headersOf(head.first);
    return headers.includes("start_x") && headers.includes("start_y") &&
      headers.includes("duration");
  },
  async parse(text, sink) {
    await readTable(text, sink, (table) => {
      const [x, y] = [table.need("start_x"), table.need("start_y")];
      const duration = table.need("duration");
      const [onset, label] = [table.find("onset"), table.find("label")];
      const image = table.findRole("image", "image", "stimulus", "stim_file");
      const reader = table.findRole("reader", "reader", "subject", "participant");
      sink.assume("time in s");
      if (label >= 0) {
        sink.assume("events FIXA taken as fixations, at the position where they start");
      }
      const placed = new Set<Scanpath>();
      return (row) => {
        if (label >= 0 && table.text(row, label) !== "FIXA") return;
        const scanpath = sink.scanpath(table.text(row, image), table.text(row, reader), row.line);
        if (!scanpath) return;
        if (!placed.has(scanpath)) sink.onScreen(scanpath, row.line);
        placed.add(scanpath);
        const length = table.number(row, duration);
        if (length < 0) sink.problem(`duration ${length} is negative`, row.line, duration + 1);
        scanpath.addFixation(
          table.number(row, x),
          table.number(row, y),
          table.number(row, onset),
          length,
        );
      };
    });
  },
};
