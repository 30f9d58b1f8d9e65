/**
 * MicEye's log: a line per radiograph, `path;class;[[x, y], ...];[boxes];(kx, ky)`, without a header.
 *
 * As its programs write it: version 1 (JamesQFreeman/MicEye) resizes every picture to `image height` of its
 * config.json (800 there, 900 in other set-ups), logs px of that picture and moves gaze beside it to its edge;
 * version 2 (YanKong0408/MicEye-v2.0) logs `[[x, y], scale]` in px of the picture at that scale, and only gaze on
 * the picture. Neither logs the height or times.
 */
import type { GazeFormat } from "./gaze_format.ts";
import type { GazeOptions } from "./format.ts";
import {
  addPoints,
  jsonOf,
  LIST,
  type ListedPoint,
  pointsOf,
  withoutTimes,
} from "./untimed_points.ts";
import type { GazeSink } from "./sink.ts";
import { IDENTITY, type Scanpath } from "./scanpath.ts";

/** The program calls a log by the volunteer's name and the time, without leading zeros. */
const NAMED = /^(.+?)\d{4}-\d{1,2}-\d{1,2}-\d{1,2}-\d{1,2}$/;
const FIRST = /^[^;]+\.(png|jpe?g|dcm|bmp|tiff?);[^;]*;\s*\[/i;
/** `image height` in the config.json that comes with the program. */
const HEIGHT = 800;

export const miceye: GazeFormat = {
  title: "MicEye log",
  detect: (head) => FIRST.test(head.first),
  async parse(text, sink, options) {
    withoutTimes(sink);
    const stem = options.file.replace(/^.*\//, "").replace(/\.[^.]*$/, "");
    const volunteer = options.reader === undefined ? NAMED.exec(stem)?.[1].trim() ?? "" : "";
    if (volunteer !== "") sink.assume("reader by the log's name");
    await text.eachLine((line, number) => {
      if (line.trim() === "" || /^\s*"?sep=/i.test(line)) return;
      const fields = line.split(";");
      if (fields.length < 3) {
        return sink.problem(
          `path;class;points expected, got ${fields.length} fields`,
          number,
          fields.length,
        );
      }
      const scanpath = sink.scanpath(sink.imageByPath(fields[0]), volunteer, number);
      if (!scanpath) return;
      const points = pointsOf(jsonOf(fields[2]));
      if (!points) {
        return sink.problem(
          "the third field is no list of points [[x, y], ...]",
          number,
          3,
        );
      }
      if (points.length === 0) {
        return sink.warn(`image "${scanpath.image}" has no gaze`, number);
      }
      // A picture that was shown again has its points after the first ones.
      addPoints(scanpath, placed(points, scanpath, sink, options, number));
    }, LIST);
  },
};

/** Sets how the points of one line become image px, and takes away those that the program moved to the edge. */
function placed(
  points: ListedPoint[],
  scanpath: Scanpath,
  sink: GazeSink,
  options: GazeOptions,
  line: number,
): ListedPoint[] {
  scanpath.positions = "px of the picture as shown";
  scanpath.mapping = IDENTITY;
  if (points.every(({ scale }) => scale !== undefined)) {
    sink.assume("MicEye 2: px of the picture as shown, divided by each point's scale");
    return points;
  }
  const { size } = scanpath;
  const shown = heightShown(sink, options, line);
  if (!size) {
    sink.assume("px of the picture as shown taken for image px (no image)");
    return points;
  }
  const scale = shown / size.height;
  scanpath.mapping = { ax: 1 / scale, bx: 0, ay: 1 / scale, by: 0 };
  sink.assume(`MicEye 1: pictures shown ${shown} px high`);
  const [right, bottom] = [Math.floor(size.width * scale), shown];
  return points.map((point) => {
    if (point.scale !== undefined) return { ...point, scale: point.scale / scale };
    const edge = point.x <= 0 || point.y <= 0 || point.x >= right || point.y >= bottom;
    if (!edge || (point.x === 0 && point.y === 0)) return point;
    sink.tally(
      "gaze on the very edge, where MicEye 1 puts gaze beside the picture, taken as missing",
    );
    return { x: NaN, y: NaN };
  });
}

/** By the options: the height itself, or the rectangle of the screen in which pictures stood. */
function heightShown(sink: GazeSink, options: GazeOptions, line: number): number {
  if (options.shown_height_px !== undefined) {
    sink.use("shown_height_px");
    return options.shown_height_px;
  }
  const place = options.screen?.image;
  if (typeof place === "object") {
    sink.use("screen");
    return place.height;
  }
  sink.tally(
    `MicEye 1 logs px of the picture as it was shown, and not how high that was: ${HEIGHT} px taken, the ` +
      "program's own setting; `shown_height_px` says otherwise (`image height` in its config.json)",
    line,
  );
  return HEIGHT;
}
