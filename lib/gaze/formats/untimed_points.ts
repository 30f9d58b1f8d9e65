/** Lists of gaze points without times, as the logs of MicEye and McGIP hold them. */
import type { GazeSink } from "./sink.ts";
import { compose, type Scanpath } from "./scanpath.ts";

/** Points per second where a file tells no times: usual for desktop trackers; only ratios of durations mean much. */
export const RATE = 90;

/** Characters of one list, and of a whole JSON file. */
export const LIST = 4 << 20;
export const JSON_LENGTH = 16 << 20;
/** Brackets within brackets. */
const DEPTH = 32;

/** Says what is taken for granted where points have no times; the filter is the authors'. */
export function withoutTimes(sink: GazeSink): void {
  sink.timeUnit = "order";
  sink.assume(`no times: points in order, ${RATE} a second`);
  sink.preferFilter({ kind: "fixed_distance" });
}

/** One point of a list: a pair, or a pair with the scale at which the picture was shown. */
export interface ListedPoint {
  x: number;
  y: number;
  scale?: number;
}

/** The points (NaN where null) of `[[x, y], ...]` or `[[[x, y], scale], ...]`; undefined where the value is neither. */
export function pointsOf(value: unknown): ListedPoint[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const points: ListedPoint[] = [];
  for (const point of value) {
    if (!Array.isArray(point)) return undefined;
    const scaled = Array.isArray(point[0]);
    const [x, y] = (scaled ? point[0] : point).map((value: unknown) => value ?? NaN);
    if (typeof x !== "number" || typeof y !== "number") return undefined;
    if (!scaled) points.push({ x, y });
    else if (Number.isFinite(point[1]) && point[1] > 0) points.push({ x, y, scale: point[1] });
    else return undefined;
  }
  return points;
}

/** Adds points in their order; those with a scale are px of the picture at that scale. */
export function addPoints(scanpath: Scanpath, points: ListedPoint[]): void {
  for (const { x, y, scale } of points) {
    const t = scanpath.sampleCount / RATE;
    const shrink = scale === undefined ? undefined : { ax: 1 / scale, bx: 0, ay: 1 / scale, by: 0 };
    scanpath.addSample(t, x, y, shrink ? compose(shrink, scanpath.mapping) : undefined);
  }
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
    // Python writes NaN, which JSON does not have.
    if (!/\bNaN\b/.test(text)) return undefined;
  }
  try {
    return JSON.parse(text.replace(/\bNaN\b/g, "null"));
  } catch {
    return undefined;
  }
}
