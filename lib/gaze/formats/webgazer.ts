/**
 * Data of jsPsych with WebGazer as JSON: trials with `stimulus`, `webgazer_data` (`[{x, y, t}, ...]`, px of the
 * window, ms from the trial's beginning) and `webgazer_targets`, where elements stood in the window: a list of
 * `{selector, left, top, right, bottom}` or, in newer versions, rectangles by selector.
 */
import type { GazeFormat } from "./gaze_format.ts";
import { JSON_LENGTH, jsonOf } from "./untimed_points.ts";
import type { GazeSink } from "./sink.ts";
import type { Scanpath } from "./scanpath.ts";
import type { Rectangle } from "../gaze.ts";

type Json = Record<string, unknown>;

export const webgazer: GazeFormat = {
  title: "jsPsych WebGazer JSON",
  detect: ({ text }) => /^\s*[[{]/.test(text) && /"webgazer_data"\s*:/.test(text),
  async parse(text, sink) {
    sink.rebase = true;
    sink.timeUnit = "ms";
    sink.assume("time in ms; positions in px of the browser's window");
    const value = jsonOf(await text.whole(JSON_LENGTH));
    if (value === undefined) return sink.problem("not JSON", 1);
    const trials = Array.isArray(value) ? value : [value];
    const placed = new Map<Scanpath, string>();
    trials.forEach((trial, i) => read(trial ?? {}, `${i}`, sink, placed));
  },
};

function read(trial: Json, part: string, sink: GazeSink, placed: Map<Scanpath, string>): void {
  const { webgazer_data: points } = trial;
  if (points === undefined) return;
  const wrong = `trial ${Number(part) + 1}: "webgazer_data" is no list of {x, y, t}`;
  if (!Array.isArray(points)) return sink.problem(wrong, 1);
  if (points.length === 0) return;
  const reader = trial.subject ?? trial.participant ?? trial.subject_id ?? trial.participant_id;
  const scanpath = sink.scanpath(
    imageOf(trial, sink),
    typeof reader === "string" || typeof reader === "number" ? `${reader}` : "",
    1,
  );
  if (!scanpath) return;
  const target = targetOf(trial.webgazer_targets);
  const place = JSON.stringify(target ?? null);
  if (placed.get(scanpath) !== place) {
    const own = sink.options.screen?.image === undefined ? target : undefined;
    if (own) sink.assume("the picture's place in the window by webgazer_targets");
    sink.onScreen(scanpath, 1, { on: own });
    placed.set(scanpath, place);
  }
  for (const point of points) {
    const { x, y, t } = (point ?? {}) as Json;
    if (typeof t !== "number" || [x, y].some((one) => one !== null && typeof one !== "number")) {
      return sink.problem(wrong, 1);
    }
    const time = sink.timeIn(scanpath, part, t * 1e-3, { origin: "zero" });
    if (!sink.inTime(scanpath, time, 1)) continue;
    scanpath.addSample(time, (x ?? NaN) as number, (y ?? NaN) as number);
  }
}

/** The stimulus is a path, a list with one, or HTML with an image in it. */
function imageOf({ stimulus }: Json, sink: GazeSink): string {
  const one = Array.isArray(stimulus) ? stimulus[0] : stimulus;
  if (typeof one !== "string") return "";
  const source = /<img[^>]*\ssrc=["']?([^"'\s>]+)/i.exec(one)?.[1];
  if (source === undefined && one.includes("<")) return "";
  return sink.imageByPath(source ?? one);
}

/** Where the only target stood; of several, nobody says which one is the picture. */
function targetOf(value: unknown): Rectangle | undefined {
  const all = Array.isArray(value)
    ? value
    : typeof value === "object" && value !== null
    ? Object.values(value)
    : [];
  if (all.length !== 1) return undefined;
  const { left, x, top, y, right, bottom } = (all[0] ?? {}) as Record<string, number>;
  const [from, above] = [left ?? x, top ?? y];
  const [width, height] = [right - from, bottom - above];
  return width > 0 && height > 0 ? { x: from, y: above, width, height } : undefined;
}
