/** Events of REMoDNaV (`onset duration label start_x start_y ...`) and scanpaths of multimatch_gaze (`start_x ...`). */
import type { GazeFormat } from "./format.ts";
import { headersOf, readTable } from "./gaze_table.ts";

export const remodnav: GazeFormat = {
  title: "REMoDNaV events or multimatch_gaze scanpath",
  detect(head) {
    const headers = headersOf(head.first);
    return headers.includes("start_x") && headers.includes("start_y") &&
      headers.includes("duration");
  },
  async parse(text, recording) {
    await readTable(text, recording, (table) => {
      const [x, y] = [table.need("start_x"), table.need("start_y")];
      const duration = table.need("duration");
      const [onset, label] = [table.find("onset"), table.find("label")];
      recording.assume("time in s");
      if (label >= 0) {
        recording.assume("events FIXA taken as fixations, at the position where they start");
      }
      let placed = false;
      return (row) => {
        if (label >= 0 && table.text(row, label) !== "FIXA") return;
        const scanpath = recording.scanpath("", "", row.line);
        if (!scanpath) return;
        if (!placed) recording.onScreen(scanpath, row.line);
        placed = true;
        const length = table.number(row, duration);
        if (length < 0) recording.problem(`duration ${length} is negative`, row.line, duration + 1);
        const px = Number.isNaN(length) ? NaN : table.number(row, x);
        scanpath.addFixation(px, table.number(row, y), table.number(row, onset), length);
      };
    });
  },
};
