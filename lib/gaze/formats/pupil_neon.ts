/** Enrichments of Pupil Cloud (Neon, Invisible): gaze and fixations mapped to a surface or a reference image. */
import { plainWord } from "./table_cell.ts";
import type { GazeFormat } from "./format.ts";
import { headersOf, readTable, type Row, type Table } from "./gaze_table.ts";

export const pupil_neon: GazeFormat = {
  title: "Pupil Neon / Pupil Cloud enrichment",
  detect: (head) =>
    headersOf(head.first).some((header) =>
      header === "timestamp [ns]" || header === "start timestamp [ns]"
    ),
  async parse(text, recording) {
    recording.rebase = true;
    recording.assume("time in ns of the tracker's clock");
    await readTable(text, recording, (table) => {
      const detected = table.find(
        "gaze detected on surface",
        "fixation detected on surface",
        "gaze detected in reference image",
        "fixation detected in reference image",
      );
      if (detected < 0) {
        recording.problem(
          "positions in the scene video fit no image: export a Marker Mapper or Reference Image Mapper enrichment",
          table.line,
        );
      }
      const axis = (name: string) =>
        table.find(
          `gaze position on surface ${name} [normalized]`,
          `fixation position on surface ${name} [normalized]`,
          `fixation ${name} [normalized]`,
          `gaze position in reference image ${name} [px]`,
          `fixation ${name} in reference image [px]`,
          `fixation ${name} [px]`,
        );
      const [x, y] = [axis("x"), axis("y")];
      if (x < 0 || y < 0) {
        recording.problem("no positions on the surface or reference image", table.line);
      }
      const normalised = x >= 0 && plainWord(table.headers[x]).endsWith("[normalized]");
      recording.assume(
        normalised ? "positions 0..1 of the surface, origin top left" : "positions in image px",
      );
      const time = table.find("timestamp [ns]");
      const start = table.find("start timestamp [ns]");
      const duration = table.find("duration [ms]");
      const id = table.find("fixation id");
      const person = table.find("wearer name", "recording id");
      const clock = nanoseconds(table, time >= 0 ? time : start);
      let placed = false;
      const seen = new Set<string>();
      return (row) => {
        const scanpath = recording.scanpath("", table.text(row, person), row.line);
        if (!scanpath) return;
        if (!placed && normalised) recording.normalised(scanpath, row.line);
        placed = true;
        const t = clock(row);
        if (t === undefined) {
          return recording.problem(
            "not a whole number of ns",
            row.line,
            (time >= 0 ? time : start) + 1,
          );
        }
        const away = detected >= 0 && plainWord(row.cells[detected]) !== "true";
        const [px, py] = [table.number(row, x), table.number(row, y)];
        if (time >= 0) {
          if (t < scanpath.lastTime) {
            return recording.warn("time goes backwards: row left out", row.line, time + 1);
          }
          scanpath.addSample(t, away ? NaN : px, py);
        } else {
          const name = `${table.text(row, person)} ${table.text(row, id)}`;
          if (away || (id >= 0 && seen.has(name))) return;
          seen.add(name);
          scanpath.addFixation(px, py, t, table.number(row, duration) * 1e-3);
        }
      };
    });
  },
};

/** Seconds since the file's first time; times of 19 digits are beyond what a double holds exactly. */
function nanoseconds(table: Table, column: number): (row: Row) => number | undefined {
  let first: bigint | undefined;
  return (row) => {
    const text = table.text(row, column);
    if (!/^-?\d{1,20}$/.test(text)) return undefined;
    const time = BigInt(text);
    first ??= time;
    return Number(time - first) * 1e-9;
  };
}
