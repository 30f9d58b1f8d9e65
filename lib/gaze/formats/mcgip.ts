/**
 * Gaze as McGIP's authors keep it: JSON `{"gaze": [[x, y], ...], "img", "case", "gt"}` (one, a list, or one a line),
 * and for INbreast CSV `system_time_in_pc,img_gaze_X,img_gaze_Y` in px of the whole mammogram, where a name with
 * `roiX1-Y1-X2-Y2` says which part of it an image is.
 */
import { numberOf } from "./table_cell.ts";
import type { GazeOptions } from "./format.ts";
import type { GazeFormat } from "./gaze_format.ts";
import { addPoints, JSON_LENGTH, jsonOf, pointsOf, withoutTimes } from "./untimed_points.ts";
import type { GazeSink } from "./sink.ts";
import { headersOf } from "./head.ts";
import { readTable } from "./gaze_table.ts";
import { IDENTITY, ofRectangle, type Scanpath } from "./scanpath.ts";
import type { Text } from "./text.ts";
import type { Mapping, Rectangle, Size } from "../gaze.ts";

const X = "img_gaze_x";

export const mcgip: GazeFormat = {
  title: "McGIP JSON, INbreast gaze CSV",
  detect: (head) =>
    /^\s*[[{][\s\S]*"gaze"\s*:/.test(head.text) || headersOf(head.first).includes(X),
  async parse(text, sink, options) {
    if (/^\s*[[{]/.test(text.head.text)) await parseJson(text, sink);
    else await parseCsv(text, sink, options);
  },
};

async function parseJson(text: Text, sink: GazeSink): Promise<void> {
  sink.assume("positions in image px");
  withoutTimes(sink);
  const read = (record: unknown, line: number) => {
    const { gaze, img } = (record ?? {}) as { gaze?: unknown; img?: unknown };
    const image = typeof img === "string" ? sink.imageByPath(img) : "";
    const scanpath = sink.scanpath(image, "", line);
    if (!scanpath) return;
    const points = pointsOf(gaze);
    if (!points) return sink.problem('"gaze" is no list of points [[x, y], ...]', line);
    if (points.length === 0) return sink.warn(`image "${scanpath.image}" has no gaze`, line);
    addPoints(scanpath, points);
  };
  const content = await text.whole(JSON_LENGTH);
  const value = jsonOf(content);
  if (value !== undefined) {
    for (const record of Array.isArray(value) ? value : [value]) read(record, 1);
    return;
  }
  content.split(/\r\n|\n|\r/).forEach((line, i) => {
    if (line.trim() === "") return;
    const record = jsonOf(line);
    if (record === undefined) sink.problem("not JSON", i + 1);
    else read(record, i + 1);
  });
}

async function parseCsv(text: Text, sink: GazeSink, { file, image }: GazeOptions): Promise<void> {
  sink.rebase = true;
  sink.timeUnit = "the PC's clock";
  const ofFile = partOf(file) ?? partOf(image ?? "");
  await readTable(text, sink, (table) => {
    const [time, x, y] = [table.need("system_time_in_pc"), table.need(X), table.need("img_gaze_Y")];
    const column = table.findRole("image", "image", "img");
    const mappings = new Map<Scanpath, Mapping>();
    const clocks = new Map<Scanpath, { last: number; days: number }>();
    return (row) => {
      const name = table.text(row, column);
      const scanpath = sink.scanpath(
        name === "" ? name : sink.imageByPath(name),
        "",
        row.line,
      );
      if (!scanpath) return;
      let mapping = mappings.get(scanpath);
      if (!mapping) {
        mapping = mappingOf(partOf(name) ?? ofFile, scanpath.size, sink, row.line);
        scanpath.mapping = mapping;
        mappings.set(scanpath, mapping);
      }
      const read = clock(table.text(row, time));
      if (!read) return sink.problem("not a time of the PC", row.line, time + 1);
      const known = clocks.get(scanpath) ?? { last: -Infinity, days: 0 };
      // A clock without a date begins anew at midnight.
      if (read.daily && read.t + known.days * DAY < known.last - DAY / 2) known.days++;
      const t = read.t + known.days * DAY;
      if (!sink.inTime(scanpath, t, row.line, time + 1)) return;
      clocks.set(scanpath, { ...known, last: t });
      scanpath.addSample(t, table.position(row, x), table.position(row, y));
    };
  });
}

/** The part of the whole mammogram that a name tells. */
function partOf(name: string): Rectangle | undefined {
  const corners = /roi(\d+)-(\d+)-(\d+)-(\d+)/i.exec(name)?.slice(1).map(Number);
  if (!corners) return undefined;
  const [x, y, right, bottom] = corners;
  return right > x && bottom > y ? { x, y, width: right - x, height: bottom - y } : undefined;
}

/** From px of the whole mammogram to the image, which is the part that its name tells, or the whole. */
function mappingOf(
  part: Rectangle | undefined,
  size: Size | undefined,
  sink: GazeSink,
  line: number,
): Mapping {
  if (!part) {
    sink.assume("positions in image px");
    return IDENTITY;
  }
  const near = (a: number, b: number) => Math.abs(a - b) <= 1;
  if (!size || (near(size.width, part.width) && near(size.height, part.height))) {
    sink.assume("positions in px of the whole mammogram, the image the part its name tells");
    return { ax: 1, bx: -part.x, ay: 1, by: -part.y };
  }
  if (size.width >= part.x + part.width && size.height >= part.y + part.height) {
    sink.assume(
      "positions in image px: the image is the whole mammogram, of which a part was named",
    );
    return IDENTITY;
  }
  if (Math.abs(size.width * part.height / (size.height * part.width) - 1) > 0.02) {
    sink.tally(
      `the image is ${size.width} x ${size.height} px, the part that the name tells ${part.width} x ${part.height} ` +
        "px, another shape: stretched",
      line,
    );
  }
  sink.assume("positions in px of the whole mammogram, the image the part its name tells, resized");
  return ofRectangle(part, size);
}

const DAY = 24 * 3600;

/** Seconds of a PC's time: a number of s (or ms, us, ns, where it is that large), or a clock `[date ]h:m:s[.f]`. */
function clock(cell: string): { t: number; daily: boolean } | undefined {
  const value = numberOf(cell);
  if (value !== undefined) {
    if (Number.isNaN(value)) return undefined;
    const unit = [[1e17, 1e-9], [1e14, 1e-6], [1e11, 1e-3]].find(([from]) => value > from)?.[1];
    return { t: value * (unit ?? 1), daily: false };
  }
  const parts = /^(?:(\d{4})[-/](\d\d?)[-/](\d\d?)[ T])?(\d\d?):(\d\d):(\d\d(?:[.,:]\d+)?)$/.exec(
    cell,
  );
  if (!parts) return undefined;
  const [year, month, day, hours, minutes] = parts.slice(1, 6).map((part) => Number(part ?? 0));
  const seconds = Number(parts[6].replace(/[,:]/, "."));
  const days = parts[1] === undefined ? 0 : Date.UTC(year, month - 1, day) / 1000;
  return { t: days + hours * 3600 + minutes * 60 + seconds, daily: parts[1] === undefined };
}
