/**
 * Eye tracking in BIDS (BEP020): `*_physio.tsv[.gz]` without a header, whose columns and units stand in JSON
 * sidecars that are inherited from the folders above; a file for each eye, which are read together. eye2bids writes
 * the last px of the screen as its resolution, and the tracker's clock as StartTime; both are understood.
 */
import type { GazeFormat } from "./gaze_format.ts";
import type { GazeOptions } from "./format.ts";
import { type Geometry, geometryOf, type Sidecar, sidecarOf } from "./bids_sidecars.ts";
import { type OtherEye, otherEyeOf } from "./bids_eyes.ts";
import { type Showing, showings } from "./bids_events.ts";
import type { GazeSink } from "./sink.ts";
import { compose, type Scanpath } from "./scanpath.ts";
import { eachRow, type Row, Table } from "./gaze_table.ts";

const NAME = /_(physio|eyetrack)\.tsv(\.gz)?$/;

export const SECONDS: Record<string, number> = {
  s: 1,
  sec: 1,
  second: 1,
  seconds: 1,
  ms: 1e-3,
  msec: 1e-3,
  millisecond: 1e-3,
  milliseconds: 1e-3,
  us: 1e-6,
  µs: 1e-6,
  μs: 1e-6,
  microseconds: 1e-6,
  ns: 1e-9,
};

export const bids: GazeFormat = {
  title: "BIDS eye tracking",
  detect: (head) => NAME.test(head.file),
  async parse(text, sink, options) {
    const kind = NAME.exec(options.file)?.[1] ?? "physio";
    const sidecar = await sidecarOf(options, kind, sink);
    const columns = sidecar.Columns;
    if (!Array.isArray(columns) || columns.some((column) => typeof column !== "string")) {
      return sink.problem(
        'no sidecar with "Columns" found beside the file: a ZIP brings both, under gaze/',
        1,
      );
    }
    const type = String(sidecar.PhysioType ?? "eyetrack").toLowerCase();
    if (type !== "eyetrack" || !columns.some((column) => /x_coordinate$/.test(column))) {
      return sink.leaveOut(
        "no eye tracking by its sidecar (another physiological recording): left out",
      );
    }
    const other = await otherEyeOf(options, kind, sidecar, sink);
    if (other === "left out") return;
    const events = await sidecarOf(options, "events", sink);
    const shown = await showings(options, sink);
    const table = new Table(columns, "\t", sink, 1);
    const visit = reader(table, sink, options, sidecar, geometryOf(sidecar, events, sink), shown, {
      other,
      onsetsByTimestamp: events.OnsetSource === "timestamp",
    });
    await eachRow(text, "\t", (row) => {
      row.cells[0] = row.cells[0].replace(/^\ufeff/, "");
      if (table.whole(row)) visit(row);
    });
  },
};

function reader(
  table: Table,
  sink: GazeSink,
  options: GazeOptions,
  sidecar: Sidecar,
  geometry: Geometry,
  shown: Showing[],
  { other, onsetsByTimestamp }: { other?: OtherEye; onsetsByTimestamp: boolean },
): (row: Row) => void {
  const [x, y] = [
    table.need("x_coordinate", "eye1_x_coordinate"),
    table.need("y_coordinate", "eye1_y_coordinate"),
  ];
  const second = [table.find("eye2_x_coordinate"), table.find("eye2_y_coordinate")];
  const time = table.find("timestamp");
  const unitOf = (column: number) =>
    String((sidecar[table.headers[column]] as Sidecar | undefined)?.Units ?? "").toLowerCase();
  const unit = time < 0 ? 1 : SECONDS[unitOf(time)];
  if (unit === undefined) {
    sink.problem(`unit "${unitOf(time)}" of timestamp is unknown`, 1, time + 1);
  }
  const units = [x, y].map((column) => column < 0 ? "" : unitOf(column));
  const rate = Number(sidecar.SamplingFrequency);
  const began = Number(sidecar.StartTime ?? 0) || 0;
  if (time < 0 && !(rate > 0)) sink.problem("neither timestamps nor a SamplingFrequency", 1);
  const place = x < 0 || y < 0 ? undefined : geometry.place(units, [x, y]);
  sink.stopIfWrong();
  sink.rebase = true;
  sink.timeUnit = time < 0 ? "samples" : unitOf(time);
  sink.assume(
    `positions in ${
      place!.normalised ? "shares of the screen" : "screen px"
    }, time in ${sink.timeUnit}, ` +
      "by the sidecar",
  );
  const subject = /(^|[/_])(sub-[a-zA-Z0-9]+)/.exec(options.file)?.[2] ?? "";
  if (second[0] >= 0 || other) sink.useEye();
  const placed = new Set<Scanpath>();
  let count = 0;
  let zero: number | undefined;
  const point = (row: Row, [px, py]: number[]) => ({
    x: table.number(row, px),
    y: table.number(row, py),
  });
  return (row) => {
    const told = time < 0 ? count++ / rate : table.number(row, time);
    if (Number.isNaN(told)) return sink.problem("no time", row.line, time + 1);
    const t = time < 0 ? told : told * unit;
    if (zero === undefined) {
      // Onsets count from where the recording's StartTime does; eye2bids puts the clock of the tracker there.
      const byClock = onsetsByTimestamp && t > 1 && shown.every(({ start }) => start >= t - 1);
      zero = byClock ? 0 : t - (began === told ? 0 : began);
    }
    const since = t - zero;
    const on = shown.find(({ start, end }) => since >= start && since < end);
    if (shown.length > 0 && !on) return sink.assume("samples while no picture was shown left out");
    const scanpath = sink.scanpath(on?.image ?? "", subject, row.line);
    if (!scanpath) return;
    if (!placed.has(scanpath)) {
      sink.onScreen(scanpath, row.line, { told: geometry.size, normalised: place!.normalised });
      scanpath.mapping = compose(place!.toScreen, scanpath.mapping);
      placed.add(scanpath);
    }
    if (!sink.inTime(scanpath, t, row.line, time + 1)) return;
    const own = point(row, [x, y]);
    if (second[0] >= 0) {
      const eyes = [own, point(row, second)];
      if (options.eye === "left") scanpath.addSample(t, eyes[0].x, eyes[0].y);
      else if (options.eye === "right") scanpath.addSample(t, eyes[1].x, eyes[1].y);
      else scanpath.addEyes(t, [eyes[0], eyes[1]]);
    } else if (other) {
      const key = time < 0 ? `${count - 1}` : table.text(row, time);
      scanpath.addEyes(t, [own, other.get(key)]);
    } else scanpath.addSample(t, own.x, own.y);
  };
}
