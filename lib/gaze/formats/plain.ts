/**
 * Plain CSV or TSV of fixations (`image,reader,x,y,duration_ms[,start_ms]`) or samples (`image,reader,x,y,t_ms
 * [,valid]`); headers of one's own through `columns`. Positions are of the image, or of the screen where the
 * options say so.
 */
import { isYes, plainWord } from "./table_cell.ts";
import type { GazeOptions } from "./format.ts";
import type { GazeFormat } from "./gaze_format.ts";
import { headersAs, headersOf } from "./head.ts";
import type { GazeSink } from "./sink.ts";
import type { Scanpath } from "./scanpath.ts";
import { readTable, type Row, type Table } from "./gaze_table.ts";
import { EYE, FixationsByEye, SamplesByEye, sayUnused, sideOf } from "./plain_eyes.ts";

/** Seconds per unit, by the ending of a column's name. */
const UNITS = { s: 1, ms: 1e-3, us: 1e-6, ns: 1e-9 } as const;

/** Role to the headers it goes by; the first is its name in `columns`. */
const ROLES: Record<string, string[]> = {
  image: ["image", "image_id", "image_name", "stimulus", "file", "filename", "file_name"],
  reader: [
    "reader",
    "subject",
    "participant",
    "observer",
    "reader_id",
    "subject_id",
    "participant_id",
  ],
  trial: ["trial", "trial_id", "trial_index", "session", "run", "recording"],
  x: ["x", "x_px"],
  y: ["y", "y_px"],
  x_norm: ["x_norm"],
  y_norm: ["y_norm"],
  eye: EYE,
  valid: ["valid", "validity"],
  index: ["index", "fix_index", "fixation_index"],
  ...Object.fromEntries(
    ["duration", "start", "t"].flatMap((role) =>
      Object.keys(UNITS).map((unit) => [`${role}_${unit}`, [`${role}_${unit}`]])
    ),
  ),
};
ROLES.x_px = ["x_px"];
ROLES.y_px = ["y_px"];

/** Headers that name a time but not its unit. */
const UNITLESS: Record<string, string[]> = {
  duration: ["duration", "dur", "fixation_duration"],
  start: ["start", "onset", "start_time"],
  t: ["t", "time", "timestamp"],
};

const FALSE = new Set([
  "0",
  "0.0",
  "false",
  "f",
  "invalid",
  "no",
  "",
  "nan",
  "n/a",
  "na",
  ".",
  "-1",
]);

export const plain: GazeFormat = {
  title: "Plain CSV or TSV",
  detect(head, { columns }) {
    if (columns && Object.keys(columns).length > 0) return true;
    const headers = headersOf(head.first);
    const has = (role: string) => ROLES[role].some((name) => headers.includes(name));
    return (has("x") && has("y")) || (has("x_norm") && has("y_norm"));
  },
  async parse(text, sink, options) {
    await readTable(text, sink, (table) => reader(table, sink, options));
  },
};

interface TimeColumn {
  column: number;
  /** s per unit */
  unit: number;
  name: string;
}

function reader(table: Table, sink: GazeSink, options: GazeOptions): (row: Row) => void {
  const find = finder(table, sink, options);
  const time = (role: string): TimeColumn => {
    for (const [name, unit] of Object.entries(UNITS)) {
      const column = find(`${role}_${name}`);
      if (column >= 0) return { column, unit, name };
    }
    return { column: -1, unit: 1, name: "s" };
  };
  const [image, reader, trial, eye, valid, index] = [
    "image",
    "reader",
    "trial",
    "eye",
    "valid",
    "index",
  ].map(find);
  const [px, py] = [["x_px", "x"], ["y_px", "y"]].map((roles) => {
    const [exact, plain] = roles.map(find);
    return exact >= 0 ? exact : plain;
  });
  const normalised = px < 0 && find("x_norm") >= 0;
  const [x, y] = normalised ? [find("x_norm"), find("y_norm")] : [px, py];
  const [duration, start, t] = [time("duration"), time("start"), time("t")];
  const line = table.line;
  if (x < 0) sink.problem(`no column "x" (px), "x_px" or "x_norm" (0 to 1)`, line);
  if (y < 0) sink.problem(`no column "y" (px), "y_px" or "y_norm" (0 to 1)`, line);
  if (duration.column < 0 && t.column < 0) withoutTime(table, sink);
  sink.timeUnit = duration.column >= 0 ? duration.name : t.name;
  const place = placer(sink, options, normalised);
  if (eye >= 0) sink.useEye();
  sayUnused(table, sink);
  const columns = { table, sink, place, image, reader, trial, eye, valid, x, y };
  if (duration.column >= 0) {
    const begin = start.column >= 0 ? start : t;
    return fixationReader({ ...columns, index, duration, begin });
  }
  return sampleReader({ ...columns, t });
}

/** Finds a role's column: by `columns`, else by its own names. */
function finder(table: Table, sink: GazeSink, { columns = {} }: GazeOptions) {
  for (const [role, header] of Object.entries(columns)) {
    if (!Object.hasOwn(ROLES, role)) {
      const roles = Object.keys(ROLES).join(", ");
      sink.problem(`columns: "${role}" is not a role (one of ${roles})`, table.line);
    } else if (table.findAs(role, header) < 0) {
      sink.problem(`columns: no column "${header}" for ${role}`, table.line);
    }
  }
  const taken = new Set(Object.values(columns).map(plainWord));
  for (const [across, down] of [["x", "y"], ["x_px", "y_px"], ["x_norm", "y_norm"]]) {
    if (!Object.hasOwn(columns, across) || !Object.hasOwn(columns, down)) continue;
    if (plainWord(columns[across]) !== plainWord(columns[down])) continue;
    sink.problem(
      `columns: ${across} and ${down} are both "${columns[down]}": name a column for each`,
      table.line,
    );
  }
  return (role: string): number => {
    if (Object.hasOwn(columns, role)) return table.findAs(role, columns[role]);
    return table.find(...ROLES[role].filter((name) => !taken.has(name)));
  };
}

/** Says how to name a time column. */
function withoutTime(table: Table, sink: GazeSink): void {
  for (const [role, names] of Object.entries(UNITLESS)) {
    const column = table.find(...names);
    if (role === "start" || column < 0) continue;
    const header = table.headers[column].trim();
    sink.problem(
      `column "${header}" has no unit: name it ${role}_s or ${role}_ms${
        role === "t" ? " or t_us" : ""
      }, ` +
        `or say so by \`columns\`, in dataset.json {"columns": {"${role}_ms": "${header}"}}, for one file ` +
        `columns=${role}_ms:${header}`,
      table.line,
      column + 1,
    );
    return;
  }
  sink.problem(
    "no time: fixations have a column duration_s or duration_ms, samples t_s, t_ms or t_us; other headers are named " +
      `by \`columns\` (duration_ms:HEADER or t_ms:HEADER); the table has ${
        headersAs(table.headers)
      }`,
    table.line,
  );
}

/** Finds the scanpath of a row, and sets how its positions are mapped when it is new. */
function placer(sink: GazeSink, { coordinates, screen }: GazeOptions, normalised: boolean) {
  const onScreen = coordinates === "screen" || (screen !== undefined && coordinates !== "image");
  sink.use("coordinates");
  if (coordinates === "screen" && !screen) {
    sink.problem(
      'coordinates "screen" need the option `screen`: 1920x1080, or JSON as in dataset.json',
    );
  }
  const unit = normalised ? "0..1" : "px";
  sink.assume(
    onScreen
      ? `positions ${normalised ? "" : "in "}${unit} of the screen, as \`${
        coordinates ? "coordinates" : "screen"
      }\` says`
      : normalised
      ? "positions 0..1 of the image"
      : "positions in image px",
  );
  let last: { image: string; reader: string; scanpath: Scanpath } | undefined;
  const seen = new Set<Scanpath>();
  return (image: string, reader: string, line: number): Scanpath | undefined => {
    if (last && last.image === image && last.reader === reader) return last.scanpath;
    const scanpath = sink.scanpath(image, reader, line);
    if (!scanpath) return undefined;
    if (!seen.has(scanpath)) {
      if (onScreen) sink.onScreen(scanpath, line, { normalised });
      else if (normalised) sink.normalised(scanpath, line);
    }
    seen.add(scanpath);
    last = { image, reader, scanpath };
    return scanpath;
  };
}

interface Columns {
  table: Table;
  sink: GazeSink;
  place: ReturnType<typeof placer>;
  image: number;
  reader: number;
  trial: number;
  eye: number;
  valid: number;
  x: number;
  y: number;
}

/** A cell that must name an image. */
function imageOf({ table, sink, image }: Columns, row: Row): string | undefined {
  const name = table.text(row, image);
  if (name !== "" || image < 0) return name;
  sink.problem("no image named", row.line, image + 1);
  return undefined;
}

/** Whether a row is to be taken for gaze, by the column `valid`. */
function isValid({ sink, valid }: Columns, row: Row): boolean {
  if (valid < 0 || row.cells[valid] === "1") return true;
  const word = plainWord(row.cells[valid]);
  if (FALSE.has(word)) return false;
  if (!isYes(word)) {
    sink.problem(
      `valid: "${word.slice(0, 40)}" is neither 1 nor 0`,
      row.line,
      valid + 1,
    );
  }
  return true;
}

function fixationReader(
  columns: Columns & { index: number; duration: TimeColumn; begin: TimeColumn },
): (row: Row) => void {
  const { table, sink, place, reader, trial, eye, x, y, index, duration, begin } = columns;
  const eyes = eye < 0 ? undefined : new FixationsByEye();
  if (eyes) sink.atEnd(() => eyes.finish(sink));
  const lastIndex = new Map<Scanpath, { trial: string; eye: string; at: number }>();
  return (row) => {
    const name = imageOf(columns, row);
    const length = table.number(row, duration.column);
    const [px, py] = [table.position(row, x), table.position(row, y)];
    const start = table.number(row, begin.column) * begin.unit;
    if (name === undefined) return;
    const scanpath = place(name, table.text(row, reader), row.line);
    if (!scanpath) return;
    if (length < 0 && length !== -1) {
      sink.problem(`duration ${length} is negative`, row.line, duration.column + 1);
    }
    const missing = !isValid(columns, row) || !(length >= 0) ||
      (begin.column >= 0 && Number.isNaN(start));
    const part = table.text(row, trial);
    if (index >= 0 && begin.column < 0) {
      const at = table.number(row, index);
      const last = lastIndex.get(scanpath);
      const same = last && last.trial === part && (!eyes || last.eye === table.text(row, eye));
      if (same && at < last.at) {
        sink.problem(
          `fixation ${at} comes after a later one, and has no start`,
          row.line,
          index + 1,
        );
      }
      lastIndex.set(scanpath, { trial: part, eye: table.text(row, eye), at });
    }
    const add = () => {
      const time = trial < 0 || Number.isNaN(start)
        ? start
        : sink.timeIn(scanpath, part, start, { line: row.line });
      scanpath.addFixation(
        missing ? NaN : px,
        py,
        time,
        length >= 0 ? length * duration.unit : NaN,
      );
    };
    if (eyes) eyes.keep(scanpath, part, sideOf(table.text(row, eye)), add);
    else add();
  };
}

function sampleReader(
  columns: Columns & { t: TimeColumn },
): (row: Row) => void {
  const { table, sink, place, reader, trial, eye, x, y, t } = columns;
  const eyes = eye < 0 ? undefined : new SamplesByEye(sink.options.eye ?? "average");
  if (eyes) sink.atEnd(() => eyes.finish(sink));
  return (row) => {
    const name = imageOf(columns, row);
    const read = table.number(row, t.column) * t.unit;
    let px = table.position(row, x);
    const py = table.position(row, y);
    if (!isValid(columns, row)) px = NaN;
    if (name === undefined) return;
    const scanpath = place(name, table.text(row, reader), row.line);
    if (!scanpath) return;
    if (Number.isNaN(read)) return sink.problem("no time", row.line, t.column + 1);
    const time = trial < 0
      ? read
      : sink.timeIn(scanpath, table.text(row, trial), read, { line: row.line });
    const last = eyes?.lastTime(scanpath) ?? scanpath.lastTime;
    if (time < last) {
      sink.problem(
        `time goes backwards, from ${last} s to ${time} s: sort the rows; where each trial counts anew, a column ` +
          "trial tells them apart",
        row.line,
        t.column + 1,
      );
    } else if (eyes) eyes.add(scanpath, time, sideOf(table.text(row, eye)), { x: px, y: py });
    else scanpath.addSample(time, px, py);
  };
}
