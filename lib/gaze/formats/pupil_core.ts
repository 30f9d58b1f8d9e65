/** Surface exports of Pupil Core: gaze and fixations on a surface, which is the image. */
import { plainWord } from "./table_cell.ts";
import type { GazeFormat } from "./format.ts";
import { compose } from "./scanpath.ts";
import { headersOf, readTable } from "./gaze_table.ts";

/** Gaze less certain than this is missing. */
const CONFIDENCE = 0.6;

export const pupil_core: GazeFormat = {
  title: "Pupil Core surface export",
  detect(head) {
    const headers = headersOf(head.first);
    return (headers.includes("gaze_timestamp") || headers.includes("start_timestamp")) &&
      (headers.includes("norm_pos_x") || headers.includes("x_norm"));
  },
  async parse(text, recording, options) {
    recording.rebase = true;
    await readTable(text, recording, (table) => {
      const onSurface = table.find("on_surf");
      if (onSurface < 0) {
        recording.problem(
          "positions in the world video fit no image: export the surface (gaze_positions_on_surface_NAME.csv, " +
            "fixations_on_surface_NAME.csv)",
          table.line,
        );
      }
      const [x, y] = [table.need("x_norm", "norm_pos_x"), table.need("y_norm", "norm_pos_y")];
      const duration = table.find("duration");
      const [time, start] = [table.find("gaze_timestamp"), table.find("start_timestamp")];
      const confidence = table.find("confidence");
      const id = table.find("fixation_id");
      recording.assume("positions 0..1 of the surface, origin bottom left; time in s");
      if (confidence >= 0) {
        recording.assume(`gaze of a confidence under ${CONFIDENCE} taken as missing`);
      }
      // The export's file name holds the surface's name.
      const surface = /_on_surface_(.+?)\.[^.]*$/.exec(options.file)?.[1];
      const image = options.image ?? surface ?? "";
      const seen = new Set<string>();
      let flipped = false;
      return (row) => {
        const scanpath = recording.scanpath(image, "", row.line);
        if (!scanpath) return;
        if (!flipped) {
          recording.normalised(scanpath, row.line);
          scanpath.mapping = compose({ ax: 1, bx: 0, ay: -1, by: 1 }, scanpath.mapping);
          flipped = true;
        }
        const away = onSurface >= 0 && plainWord(row.cells[onSurface]) !== "true";
        const unsure = confidence >= 0 && !(table.number(row, confidence) >= CONFIDENCE);
        const [px, py] = [table.number(row, x), table.number(row, y)];
        if (time >= 0) {
          const t = table.number(row, time);
          if (t < scanpath.lastTime) {
            return recording.warn("time goes backwards: row left out", row.line, time + 1);
          }
          scanpath.addSample(t, away || unsure ? NaN : px, py);
        } else {
          // A fixation has a row for every frame of the world video.
          const name = table.text(row, id);
          if (away || (id >= 0 && seen.has(name))) return;
          seen.add(name);
          scanpath.addFixation(
            px,
            py,
            table.number(row, start),
            table.number(row, duration) * 1e-3,
          );
        }
      };
    });
  },
};
