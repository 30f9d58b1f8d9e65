/**
 * Eye tracking in BIDS (BEP020): `*_physio.tsv[.gz]` without a header, whose columns and units stand in JSON
 * sidecars that are inherited from the folders above.
 */
import type { GazeFormat, GazeOptions } from "./format.ts";
import { jsonOf } from "./untimed_points.ts";
import { Recording } from "./sink.ts";
import type { Scanpath } from "./scanpath.ts";
import { eachRow, readTable, Table } from "./gaze_table.ts";
import { Text } from "./text.ts";
import type { Screen } from "../screen.ts";

const NAME = /_(physio|eyetrack)\.tsv(\.gz)?$/;

const SIDECAR =
  /_(physio|eyetrack|events|physioevents)\.json$|(^|_)dataset_description\.json$|^participants\.(json|tsv)$|_physioevents\.tsv(\.gz)?$/;
const EVENTS = /_events\.tsv(\.gz)?$/;

const SECONDS: Record<string, number> = {
  s: 1,
  sec: 1,
  seconds: 1,
  ms: 1e-3,
  milliseconds: 1e-3,
  us: 1e-6,
  µs: 1e-6,
  ns: 1e-9,
};

export const bids: GazeFormat = {
  title: "BIDS eye tracking",
  detect: (head) => NAME.test(head.file),
  isCompanion: (file, _folder, names) =>
    SIDECAR.test(file) || (EVENTS.test(file) && names.some((name) => NAME.test(name))),
  async parse(text, recording, options) {
    const kind = NAME.exec(options.file)?.[1] ?? "physio";
    const sidecar = await sidecarOf(options, kind);
    const columns = sidecar.Columns;
    if (!Array.isArray(columns) || columns.some((column) => typeof column !== "string")) {
      return recording.problem(
        'no sidecar with "Columns" found beside the file: a ZIP brings both, under gaze/',
        1,
      );
    }
    if (otherEye(options)) {
      return recording.warn("the other eye of a recording whose first eye is there: left out");
    }
    const screen = screenOf(await sidecarOf(options, "events"));
    const shown = await shownImages(options);
    const table = new Table(columns, "\t", recording, 1);
    const visit = reader(table, recording, options, sidecar, screen, shown);
    await eachRow(text, "\t", (row) => {
      if (table.whole(row)) visit(row);
    });
  },
};

type Json = Record<string, unknown>;

function reader(
  table: Table,
  recording: Recording,
  options: GazeOptions,
  sidecar: Json,
  screen: Screen | undefined,
  shown: { image: string; start: number; end: number }[],
) {
  const [x, y] = [
    table.need("x_coordinate", "eye1_x_coordinate"),
    table.need("y_coordinate", "eye1_y_coordinate"),
  ];
  const time = table.find("timestamp");
  const unitOf = (column: number) =>
    String((sidecar[table.headers[column]] as Json | undefined)?.Units ?? "").toLowerCase();
  const second = time < 0 ? 1 : SECONDS[unitOf(time)];
  if (second === undefined) {
    recording.problem(`unit "${unitOf(time)}" of timestamp is unknown`, 1, time + 1);
  }
  const unit = x < 0 ? "" : unitOf(x);
  const normalised = /^(ratio|normali[sz]ed)$/.test(unit);
  if (!normalised && !/^(px|pixels?|)$/.test(unit)) {
    recording.problem(`unit "${unit}" of x_coordinate is not px`, 1, x + 1);
  }
  const rate = Number(sidecar.SamplingFrequency);
  const began = Number(sidecar.StartTime ?? 0);
  if (time < 0 && !(rate > 0)) recording.problem("neither timestamps nor a SamplingFrequency", 1);
  recording.stopIfWrong();
  recording.rebase = true;
  recording.assume(
    `positions in ${normalised ? "shares of the screen" : "screen px"}, time in ${
      time < 0 ? "samples" : unitOf(time)
    }, ` +
      "by the sidecar",
  );
  const subject = /(^|[/_])(sub-[a-zA-Z0-9]+)/.exec(options.file)?.[2] ?? "";
  const placed = new Set<Scanpath>();
  let count = 0;
  let first: number | undefined;
  return (row: { cells: string[]; line: number }) => {
    const t = time < 0 ? began + count++ / rate : table.number(row, time) * second;
    if (Number.isNaN(t)) return recording.problem("no time", row.line, time + 1);
    first ??= t;
    const since = t - first;
    const on = shown.find(({ start, end }) => since >= start && since < end);
    if (shown.length > 0 && !on) return;
    const scanpath = recording.scanpath(on?.image ?? "", subject, row.line);
    if (!scanpath) return;
    if (!placed.has(scanpath)) {
      const told = screen && { width: screen.width_px, height: screen.height_px };
      recording.onScreen(scanpath, row.line, { told, normalised });
      placed.add(scanpath);
    }
    if (t < scanpath.lastTime) {
      return recording.warn("time goes backwards: row left out", row.line, time + 1);
    }
    scanpath.addSample(t, table.number(row, x), table.number(row, y));
  };
}

/** Parts of a BIDS name: `sub-01`, `task-x`, ... */
function entities(name: string): Set<string> {
  return new Set(name.slice(name.lastIndexOf("/") + 1).split("_").slice(0, -1));
}

/** The sidecars of a kind that apply to the file, joined; the more special ones win. */
async function sidecarOf({ beside, file }: GazeOptions, kind: string): Promise<Json> {
  const own = entities(file);
  const names = (beside?.names ?? []).filter((name) => {
    const folder = name.slice(0, name.lastIndexOf("/") + 1);
    return name.endsWith(`_${kind}.json`) && file.startsWith(folder) &&
      [...entities(name)].every((entity) => own.has(entity));
  });
  names.sort((a, b) => entities(a).size - entities(b).size || a.length - b.length);
  const joined: Json = {};
  for (const name of names) {
    const value = jsonOf(new TextDecoder().decode(await beside!.read(name)));
    if (typeof value === "object" && value !== null) Object.assign(joined, value);
  }
  return joined;
}

/** Whether this is the second eye of a recording, and the first is there. */
function otherEye({ beside, file, eye }: GazeOptions): boolean {
  const unwanted = eye === "right" ? "eye1" : "eye2";
  const wanted = eye === "right" ? "eye2" : "eye1";
  return file.includes(`recording-${unwanted}`) &&
    (beside?.names.includes(file.replace(`recording-${unwanted}`, `recording-${wanted}`)) ?? false);
}

/** The screen by the events' sidecar (sizes there are in m). */
function screenOf(events: Json): Screen | undefined {
  const stimulus = events.StimulusPresentation as Json | undefined;
  const [width_px, height_px] = (stimulus?.ScreenResolution as number[] | undefined) ?? [];
  return width_px > 0 && height_px > 0 ? { width_px, height_px } : undefined;
}

/** Images and when they were shown (s from the first sample), by `stim_file` in the events beside the file. */
async function shownImages({ beside, file }: GazeOptions) {
  const shown: { image: string; start: number; end: number }[] = [];
  const name = file.replace(/(_recording-[^_]+)?_(physio|eyetrack)\.tsv(\.gz)?$/, "_events.tsv");
  if (!beside?.names.includes(name)) return shown;
  const text = await Text.open(await beside.read(name), name);
  const events = new Recording({ file: name }, "bids");
  await readTable(text, events, (table) => {
    const [onset, duration, image] = ["onset", "duration", "stim_file"].map((column) =>
      table.find(column)
    );
    return (row) => {
      const path = table.text(row, image);
      const start = table.number(row, onset);
      if (path === "" || path === "n/a" || Number.isNaN(start)) return;
      const length = table.number(row, duration);
      const previous = shown.at(-1);
      if (previous && previous.end === Infinity) previous.end = start;
      const end = length > 0 ? start + length : Infinity;
      shown.push({ image: path.slice(path.lastIndexOf("/") + 1), start, end });
    };
  });
  return shown;
}
