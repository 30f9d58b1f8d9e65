/**
 * Simplification of a scanpath before MultiMatch: neighbouring saccades are merged where they point the same way
 * (direction pass) or are short (length pass), until nothing changes. The last saccade has the odd rule of
 * multimatch_gaze, whose results users compare with.
 */
import type { Fixation } from "../gaze.ts";

/** Saccades by column; saccade i starts at x[i], y[i]. Durations may be more than saccades. */
export interface Saccades {
  /** px */
  x: number[];
  y: number[];
  dx: number[];
  dy: number[];
  /** s, of the fixation before saccade i; at the end that of the last fixation. */
  duration: number[];
}

export interface SimplifyOptions {
  direction_deg: number;
  duration_s: number;
  amplitude_px: number;
}

const none = (): Saccades => ({ x: [], y: [], dx: [], dy: [], duration: [] });

export function saccadesOf(fixations: Fixation[]): Saccades {
  const path = none();
  fixations.forEach(({ x, y, duration }, i) => {
    path.duration.push(duration);
    const next = fixations[i + 1];
    if (next) push(path, x, y, next.x - x, next.y - y);
  });
  return path;
}

export function simplify(path: Saccades, options: SimplifyOptions): Saccades {
  for (;;) {
    const before = path.duration.length;
    path = lengthPass(directionPass(path, options), options);
    if (path.duration.length === before) return path;
  }
}

function directionPass(path: Saccades, { direction_deg, duration_s }: SimplifyOptions): Saccades {
  const { dx, duration } = path;
  if (dx.length < 1) return path;
  const out = none();
  for (let i = 0; i < dx.length; i++) {
    const turns = i < dx.length - 1 && angle(path, i) < direction_deg;
    if (turns && duration[i + 1] < duration_s) merge(out, path, i++);
    else keep(out, path, i);
  }
  out.duration.push(duration[duration.length - 1]);
  return out;
}

function lengthPass(path: Saccades, { amplitude_px, duration_s }: SimplifyOptions): Saccades {
  const { dx, dy, duration } = path;
  const last = dx.length - 1;
  if (last < 1) return path;
  const out = none();
  for (let i = 0; i <= last; i++) {
    const short = Math.hypot(dx[i], dy[i]) < amplitude_px;
    if (i < last && short && (duration[i + 1] < duration_s || duration[i] < duration_s)) {
      merge(out, path, i++);
    } else if (
      i === last && short &&
      (duration[duration.length - 1] < duration_s || duration[duration.length - 2] < duration_s)
    ) {
      out.dx[out.dx.length - 1] = dx[last - 1] + dx[last];
      out.dy[out.dy.length - 1] = dy[last - 1] + dy[last];
      out.duration.push(duration[last - 1]);
    } else keep(out, path, i);
  }
  out.duration.push(duration[duration.length - 1]);
  return out;
}

/** Degrees between saccade i and the next; NaN where one has no length. */
function angle({ dx, dy }: Saccades, i: number): number {
  const lengths = Math.hypot(dx[i], dy[i]) * Math.hypot(dx[i + 1], dy[i + 1]);
  const cosine = (dx[i] * dx[i + 1] + dy[i] * dy[i + 1]) / lengths;
  return Math.acos(Math.max(-1, Math.min(1, cosine))) * 180 / Math.PI;
}

/** Saccades i and i + 1 as one, from the start of i. */
function merge(out: Saccades, { x, y, dx, dy, duration }: Saccades, i: number): void {
  push(out, x[i], y[i], dx[i] + dx[i + 1], dy[i] + dy[i + 1]);
  out.duration.push(duration[i]);
}

function keep(out: Saccades, { x, y, dx, dy, duration }: Saccades, i: number): void {
  push(out, x[i], y[i], dx[i], dy[i]);
  out.duration.push(duration[i]);
}

function push(path: Saccades, x: number, y: number, dx: number, dy: number): void {
  path.x.push(x);
  path.y.push(y);
  path.dx.push(dx);
  path.dy.push(dy);
}
