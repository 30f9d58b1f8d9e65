/**
 * Gaze as McGIP's authors keep it: JSON `{"gaze": [[x, y], ...], "img", "case", "gt"}` (one, a list, or one a line),
 * and for INbreast CSV `system_time_in_pc,img_gaze_X,img_gaze_Y` in px of the whole mammogram, where a file name
 * with `roiX1-Y1-X2-Y2` says which part of it the image is.
 */
import { numberOf } from "./table_cell.ts";
import type { GazeFormat, GazeOptions } from "./format.ts";
import { addPoints, JSON_LENGTH, jsonOf, withoutTimes } from "./untimed_points.ts";
import type { Recording } from "./sink.ts";
import { headersOf, readTable } from "./gaze_table.ts";
import type { Text } from "./text.ts";

const X = "img_gaze_x";

export const mcgip: GazeFormat = {
  title: "McGIP JSON, INbreast gaze CSV",
  detect: (head) =>
    /^\s*[[{][\s\S]*"gaze"\s*:/.test(head.text) || headersOf(head.first).includes(X),
  async parse(text, recording, options) {
    if (/^\s*[[{]/.test(text.head.text)) await parseJson(text, recording);
    else await parseCsv(text, recording, options);
  },
};

async function parseJson(text: Text, recording: Recording): Promise<void> {
  recording.assume("positions in image px");
  withoutTimes(recording);
  const read = (record: unknown, line: number) => {
    const { gaze, img } = (record ?? {}) as { gaze?: unknown; img?: unknown };
    const image = typeof img === "string" ? recording.imageByPath(img) : "";
    const scanpath = recording.scanpath(image, "", line);
    if (!scanpath) return;
    if (!addPoints(scanpath, gaze)) {
      recording.problem('"gaze" is no list of points [[x, y], ...]', line);
    } else if (scanpath.sampleCount === 0) {
      recording.warn(`image "${scanpath.image}" has no gaze`, line);
    }
  };
  const content = await text.whole(JSON_LENGTH);
  const value = jsonOf(content);
  if (value !== undefined) {
    for (const record of Array.isArray(value) ? value : [value]) read(record, 1);
    return;
  }
  content.split("\n").forEach((line, i) => {
    if (line.trim() === "") return;
    const record = jsonOf(line);
    if (record === undefined) recording.problem("not JSON", i + 1);
    else read(record, i + 1);
  });
}

async function parseCsv(text: Text, recording: Recording, { file }: GazeOptions): Promise<void> {
  recording.rebase = true;
  const part = /roi(\d+)-(\d+)-(\d+)-(\d+)/i.exec(file)?.slice(1).map(Number);
  recording.assume(
    part
      ? "positions in px of the whole mammogram, the image the part its name tells"
      : "positions in image px",
  );
  await readTable(text, recording, (table) => {
    const [time, x, y] = [table.need("system_time_in_pc"), table.need(X), table.need("img_gaze_Y")];
    const image = table.find("image", "img");
    return (row) => {
      const scanpath = recording.scanpath(table.text(row, image), "", row.line);
      if (!scanpath) return;
      if (part) scanpath.mapping = { ax: 1, bx: -part[0], ay: 1, by: -part[1] };
      const t = clock(table.text(row, time));
      if (t === undefined) recording.problem("not a time of the PC", row.line, time + 1);
      else if (t < scanpath.lastTime) {
        recording.warn("time goes backwards: row left out", row.line, time + 1);
      } else scanpath.addSample(t, table.position(row, x), table.position(row, y));
    };
  });
}

/** Seconds of a PC's time: a number of s (or ms, where it is that large), or a clock `[date ]h:m:s[.f]`. */
function clock(cell: string): number | undefined {
  const value = numberOf(cell);
  if (value !== undefined) {
    return Number.isNaN(value) ? undefined : value > 1e11 ? value * 1e-3 : value;
  }
  const parts = /^(?:(\d{4})[-/](\d\d?)[-/](\d\d?)[ T])?(\d\d?):(\d\d):(\d\d(?:\.\d+)?)$/.exec(
    cell,
  );
  if (!parts) return undefined;
  const [year, month, day, hours, minutes, seconds] = parts.slice(1).map((part) =>
    Number(part ?? 0)
  );
  const days = parts[1] === undefined ? 0 : Date.UTC(year, month - 1, day) / 1000;
  return days + hours * 3600 + minutes * 60 + seconds;
}
