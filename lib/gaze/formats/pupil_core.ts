/**
 * Surface exports of Pupil Player (Pupil Core): gaze and fixations on a surface, which is the image. Columns as its
 * surface tracker writes them: `world_timestamp, world_index, gaze_timestamp, x_norm, y_norm, ..., on_surf,
 * confidence`, and for fixations `fixation_id, start_timestamp, duration` (ms) with `norm_pos_x, norm_pos_y`.
 */
import { isYes } from "./table_cell.ts";
import type { GazeFormat } from "./gaze_format.ts";
import { headersOf } from "./head.ts";
import { compose, type Scanpath } from "./scanpath.ts";
import { readTable, type Row, type Table } from "./gaze_table.ts";
import type { GazeSink } from "./sink.ts";

/** Gaze less certain than this is missing. */
const CONFIDENCE = 0.6;

export const pupil_core: GazeFormat = {
  title: "Pupil Core surface export",
  detect(head) {
    const headers = headersOf(head.first);
    return (headers.includes("gaze_timestamp") || headers.includes("start_timestamp")) &&
      (headers.includes("norm_pos_x") || headers.includes("x_norm"));
  },
  async parse(text, sink, options) {
    sink.rebase = true;
    // The export's file name holds the surface's name.
    const surface = /_on_surface_(.+?)\.[^.]*$/.exec(options.file)?.[1];
    const image = options.image ?? surface ?? "";
    await readTable(text, sink, (table) => reader(table, sink, image));
  },
};

function reader(table: Table, sink: GazeSink, image: string): (row: Row) => void {
  const onSurface = table.find("on_surf", "on_srf");
  if (onSurface < 0) {
    sink.problem(
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
  sink.assume("positions 0..1 of the surface, origin bottom left; time in s");
  if (confidence >= 0) sink.assume(`gaze of a confidence under ${CONFIDENCE} taken as missing`);
  const fixations = new Fixations();
  if (time < 0) sink.atEnd(() => fixations.give());
  let flipped = false;
  return (row) => {
    const scanpath = sink.scanpath(image, "", row.line);
    if (!scanpath) return;
    if (!flipped) {
      sink.normalised(scanpath, row.line);
      scanpath.positions = "share of the surface";
      scanpath.mapping = compose({ ax: 1, bx: 0, ay: -1, by: 1 }, scanpath.mapping);
      flipped = true;
    }
    const away = onSurface >= 0 && !isYes(row.cells[onSurface]);
    const unsure = confidence >= 0 && !(table.number(row, confidence) >= CONFIDENCE);
    const [px, py] = [table.number(row, x), table.number(row, y)];
    if (time < 0) {
      fixations.add(table.text(row, id), scanpath, {
        x: px,
        y: py,
        start: table.number(row, start),
        duration: table.number(row, duration) * 1e-3,
        away,
        unsure,
      });
      return;
    }
    const t = table.number(row, time);
    if (Number.isNaN(t)) return sink.tally("rows without a time left out", row.line, time + 1);
    if (!sink.inTime(scanpath, t, row.line, time + 1)) return;
    scanpath.addSample(t, unsure || (away && onIt(px, py)) ? NaN : px, py);
  };
}

interface OnSurface {
  x: number;
  y: number;
  start: number;
  duration: number;
  away: boolean;
  unsure: boolean;
}

/** Whether a place is on the surface; what is said to be away from it and is on it is no place. */
function onIt(x: number, y: number): boolean {
  return x >= 0 && y >= 0 && x <= 1 && y <= 1;
}

/** A fixation has a row for every frame of the world video: the first on the surface counts. */
class Fixations {
  readonly #rows = new Map<string, { scanpath: Scanpath; row: OnSurface }>();

  add(id: string, scanpath: Scanpath, row: OnSurface): void {
    const key = id === "" ? `row ${this.#rows.size}` : id;
    const known = this.#rows.get(key);
    if (!known || (known.row.away && !row.away)) this.#rows.set(key, { scanpath, row });
  }

  give(): void {
    for (const { scanpath, row } of this.#rows.values()) {
      const { x, y, start, duration, away, unsure } = row;
      scanpath.addFixation(unsure || (away && onIt(x, y)) ? NaN : x, y, start, duration);
    }
  }
}
