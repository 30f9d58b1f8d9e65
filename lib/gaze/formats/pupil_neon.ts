/** Enrichments of Pupil Cloud (Neon, Invisible): gaze and fixations mapped to a surface or a reference image. */
import { isYes, plainWord } from "./table_cell.ts";
import type { GazeFormat } from "./gaze_format.ts";
import { headersOf } from "./head.ts";
import type { Scanpath } from "./scanpath.ts";
import type { GazeSink } from "./sink.ts";
import { readTable, type Row, type Table } from "./gaze_table.ts";

export const pupil_neon: GazeFormat = {
  title: "Pupil Neon / Pupil Cloud enrichment",
  detect: (head) =>
    headersOf(head.first).some((header) =>
      header === "timestamp [ns]" || header === "start timestamp [ns]"
    ),
  async parse(text, sink) {
    sink.rebase = true;
    sink.timeUnit = "ns";
    sink.assume("time in ns of the tracker's clock");
    await readTable(text, sink, (table) => reader(table, sink));
  },
};

function reader(table: Table, sink: GazeSink): (row: Row) => void {
  const detected = table.find(
    "gaze detected on surface",
    "fixation detected on surface",
    "gaze detected in reference image",
    "fixation detected in reference image",
  );
  if (detected < 0) {
    sink.problem(
      "positions in the scene video fit no image: export a Marker Mapper or Reference Image Mapper enrichment",
      table.line,
    );
  }
  const [x, y] = ["x", "y"].map((axis) =>
    table.find(
      `gaze position on surface ${axis} [normalized]`,
      `fixation position on surface ${axis} [normalized]`,
      `fixation ${axis} [normalized]`,
      `gaze position in reference image ${axis} [px]`,
      `fixation ${axis} in reference image [px]`,
      `fixation ${axis} [px]`,
    )
  );
  if (x < 0 || y < 0) {
    sink.problem("no positions on the surface or reference image", table.line);
  }
  const normalised = x >= 0 && plainWord(table.headers[x]).endsWith("[normalized]");
  sink.assume(
    normalised
      ? "positions 0..1 of the surface, origin top left"
      : "positions in px of the reference image, taken for those of the image",
  );
  const time = table.find("timestamp [ns]");
  const start = table.find("start timestamp [ns]");
  const duration = table.find("duration [ms]");
  const id = table.find("fixation id");
  const wearer = table.findRole("reader", "wearer name", "wearer id");
  const recording = table.find("recording id");
  const clock = nanoseconds(table, time >= 0 ? time : start, sink);
  const placed = new Set<Scanpath>();
  const seen = new Set<string>();
  return (row) => {
    const part = table.text(row, recording);
    const scanpath = sink.scanpath("", table.text(row, wearer) || part, row.line);
    if (!scanpath) return;
    if (!placed.has(scanpath) && normalised) {
      sink.normalised(scanpath, row.line);
      scanpath.positions = "share of the surface";
    }
    placed.add(scanpath);
    const told = clock(row);
    if (told === undefined) {
      return sink.problem("not a whole number of ns", row.line, (time >= 0 ? time : start) + 1);
    }
    const t = sink.timeIn(scanpath, part, told, { line: row.line });
    const away = detected >= 0 && !isYes(row.cells[detected]);
    const [px, py] = [table.number(row, x), table.number(row, y)];
    // What lies beside the surface is a place off the image; what is said to be beside it and is on it is none.
    const inside = normalised ? px >= 0 && py >= 0 && px <= 1 && py <= 1 : true;
    const found = away && inside ? NaN : px;
    if (time >= 0) {
      if (sink.inTime(scanpath, t, row.line, time + 1)) scanpath.addSample(t, found, py);
      return;
    }
    const name = `${part} ${table.text(row, id)}`;
    if (id >= 0 && seen.has(name)) return;
    seen.add(name);
    if (away && Number.isNaN(found + py)) {
      return sink.tally("fixations off the surface left out", row.line);
    }
    scanpath.addFixation(found, py, t, table.number(row, duration) * 1e-3);
  };
}

/** Seconds since the file's first time; times of 19 digits are beyond what a double holds exactly. */
function nanoseconds(
  table: Table,
  column: number,
  sink: GazeSink,
): (row: Row) => number | undefined {
  let first: bigint | undefined;
  return (row) => {
    const text = table.text(row, column);
    if (!/^-?\d{1,20}$/.test(text)) return undefined;
    const time = BigInt(text);
    if (first === undefined) sink.epoch = Number(time) * 1e-9;
    first ??= time;
    return Number(time - first) * 1e-9;
  };
}
