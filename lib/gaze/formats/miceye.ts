/** MicEye's log: a line per radiograph, `path;class;[[x, y], ...];[boxes];(kx, ky)`, without a header. */
import type { GazeFormat } from "./format.ts";
import { addPoints, jsonOf, LIST, withoutTimes } from "./untimed_points.ts";

const FIRST = /^[^;]+\.(png|jpe?g|dcm|bmp|tiff?);[^;]*;\[/i;

export const miceye: GazeFormat = {
  title: "MicEye log",
  detect: (head) => FIRST.test(head.first),
  async parse(text, recording) {
    recording.assume("positions in image px");
    withoutTimes(recording);
    await text.eachLine((line, number) => {
      if (line.trim() === "") return;
      const fields = line.split(";");
      if (fields.length < 3) {
        return recording.problem(
          `path;class;points expected, got ${fields.length} fields`,
          number,
          fields.length,
        );
      }
      const scanpath = recording.scanpath(recording.imageByPath(fields[0]), "", number);
      if (!scanpath) return;
      if (!addPoints(scanpath, jsonOf(fields[2]))) {
        recording.problem("the third field is no list of points [[x, y], ...]", number, 3);
      } else if (scanpath.sampleCount === 0) {
        recording.warn(`image "${scanpath.image}" has no gaze`, number);
      }
    }, LIST);
  },
};
