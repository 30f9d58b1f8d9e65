/** Lists of gaze points without times, as the logs of MicEye and McGIP hold them. */
import type { Recording } from "./sink.ts";
import type { Scanpath } from "./scanpath.ts";

/** Points per second where a file tells no times: usual for desktop trackers; only ratios of durations mean much. */
const RATE = 90;

/** Characters of one list, and of a whole JSON file. */
export const LIST = 4 << 20;
export const JSON_LENGTH = 16 << 20;
/** Brackets within brackets. */
const DEPTH = 32;

/** Says what is taken for granted where points have no times; the filter is the authors'. */
export function withoutTimes(recording: Recording): void {
  recording.assume(`no times: points in order, ${RATE} a second`);
  recording.preferFilter({ kind: "fixed_distance" });
}

/** Adds `[[x, y], ...]` or `[[[x, y], scale], ...]`; false where the value is neither. (0, 0) is missing. */
export function addPoints(scanpath: Scanpath, points: unknown): boolean {
  if (!Array.isArray(points)) return false;
  for (const point of points) {
    const [x, y] = Array.isArray(point) && Array.isArray(point[0]) ? point[0] : point ?? [];
    if (!Number.isFinite(x) || !Number.isFinite(y)) return false;
    const missing = x === 0 && y === 0;
    scanpath.addSample(scanpath.sampleCount / RATE, missing ? NaN : x, missing ? NaN : y);
  }
  return true;
}

/** The value of a JSON text, undefined where it is none or nested too deeply. */
export function jsonOf(text: string): unknown {
  let depth = 0;
  for (const [bracket] of text.matchAll(/[[\]{}]/g)) {
    depth += bracket === "[" || bracket === "{" ? 1 : -1;
    if (depth > DEPTH) return undefined;
  }
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
