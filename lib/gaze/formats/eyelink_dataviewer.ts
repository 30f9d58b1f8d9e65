/** Fixation reports of EyeLink Data Viewer (and GazeMedSeg's, with 0..1 of the image under the same names). */
import { numberOf } from "./table_cell.ts";
import type { GazeFormat } from "./format.ts";
import type { Scanpath } from "./scanpath.ts";
import { delimiterOf, headersOf, readTable } from "./gaze_table.ts";

const X = "current_fix_x";

export const eyelink_dataviewer: GazeFormat = {
  title: "EyeLink Data Viewer fixation report",
  detect: (head) => headersOf(head.first).includes(X),
  async parse(text, recording, { columns = {} }) {
    const normalised = isNormalised(text.head.text);
    recording.rebase = true;
    recording.assume(
      normalised ? "positions 0..1 of the image (all are under 1.5)" : "positions in screen px",
    );
    await readTable(text, recording, (table) => {
      const [x, y, duration] = [
        table.need("CURRENT_FIX_X"),
        table.need("CURRENT_FIX_Y"),
        table.need("CURRENT_FIX_DURATION"),
      ];
      const start = table.find("CURRENT_FIX_START");
      const image = columns.image !== undefined ? table.need(columns.image) : table.find(
        "image",
        "imagefile",
        "image_file",
        "image_name",
        "img",
        "stimulus",
        "picture",
      );
      const reader = table.find(columns.reader ?? "RECORDING_SESSION_LABEL");
      const trial = table.find("TRIAL_INDEX");
      /** Trial in which an image was shown last, and the time at which it began for us. */
      const seen = new Map<Scanpath, { trial: string; offset: number }>();
      return (row) => {
        const length = table.number(row, duration) * 1e-3;
        const begin = table.number(row, start) * 1e-3;
        const [px, py] = [table.position(row, x), table.position(row, y)];
        const scanpath = recording.scanpath(
          table.text(row, image),
          table.text(row, reader),
          row.line,
        );
        if (!scanpath) return;
        let shown = seen.get(scanpath);
        if (!shown) {
          if (normalised) recording.normalised(scanpath, row.line);
          else recording.onScreen(scanpath, row.line);
          seen.set(scanpath, shown = { trial: table.text(row, trial), offset: 0 });
        } else if (shown.trial !== table.text(row, trial)) {
          shown.trial = table.text(row, trial);
          // Times begin anew in every trial.
          const last = scanpath.fixations.at(-1);
          if (last && begin < last.start) shown.offset = last.start + last.duration;
          recording.assume("several trials on an image joined, one after the other");
        }
        scanpath.addFixation(Number.isNaN(length) ? NaN : px, py, begin + shown.offset, length);
      };
    });
  },
};

/** Whether all x positions in the head of the file are fractions. */
function isNormalised(head: string): boolean {
  const [header, ...lines] = head.split(/\r?\n/);
  const delimiter = delimiterOf(header);
  const column = headersOf(header).indexOf(X);
  // The last line may be cut.
  const values = lines.slice(0, -1)
    .map((line) => numberOf(line.split(delimiter)[column]))
    .filter((value) => value !== undefined && !Number.isNaN(value));
  return values.length > 0 && values.every((value) => Math.abs(value!) <= 1.5);
}
