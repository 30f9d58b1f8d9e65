/** Samples as columns, per eye: what the filters work on. NaN where the eye was not found. */
import { SAMPLE_STRIDE, type Samples } from "../gaze.ts";

/** Columns of one eye, each [n]; the rays are there for trackers that tell where the eye was. */
export interface Eye {
  /** image px */
  x: Float64Array;
  y: Float64Array;
  ray?: {
    /** Where the gaze met the screen: x, y, z in mm. */
    target: [Float64Array, Float64Array, Float64Array];
    /** Where the eye was: x, y, z in mm. */
    origin: [Float64Array, Float64Array, Float64Array];
  };
}

export interface Track {
  /** s, not falling: [n] */
  t: Float64Array;
  /** One or two. */
  eyes: Eye[];
}

/** Labels of samples, as filters give them. */
export const LABEL = { fixation: 0, saccade: 1, missing: 2, unclassified: 3 } as const;

export function trackOf(samples: Samples): Track {
  const n = samples.length / SAMPLE_STRIDE;
  const t = new Float64Array(n);
  const x = new Float64Array(n);
  const y = new Float64Array(n);
  for (let i = 0, at = 0; i < n; i++, at += SAMPLE_STRIDE) {
    const valid = samples[at + 3] === 1;
    t[i] = samples[at];
    x[i] = valid ? samples[at + 1] : NaN;
    y[i] = valid ? samples[at + 2] : NaN;
  }
  return { t, eyes: [{ x, y }] };
}

/** Room for the steps of usual recordings, used again and again: most memory of a large file would be theirs. */
const room = new Float64Array(65536);

/** Median time between samples, s; 0 where there are fewer than two. Times stand every `stride` numbers. */
export function intervalOf(t: Float64Array, stride = 1): number {
  const n = t.length / stride;
  if (n < 2) return 0;
  const steps = n > room.length ? new Float64Array(n - 1) : room.subarray(0, n - 1);
  for (let i = 0; i < n - 1; i++) steps[i] = t[(i + 1) * stride] - t[i * stride];
  steps.sort();
  return steps[steps.length >> 1];
}

/** The columns of an eye in one list. */
export function columnsOf(eye: Eye): Float64Array[] {
  return eye.ray ? [eye.x, eye.y, ...eye.ray.target, ...eye.ray.origin] : [eye.x, eye.y];
}

/** An eye from the columns of `columnsOf`. */
export function eyeOf(columns: Float64Array[]): Eye {
  const [x, y, tx, ty, tz, ox, oy, oz] = columns;
  return tx ? { x, y, ray: { target: [tx, ty, tz], origin: [ox, oy, oz] } } : { x, y };
}

/** Angle between the gaze at `a` and at `b`, degrees. */
export function angle(eye: Eye, a: number, b: number, px_per_degree: number): number {
  if (!eye.ray) return Math.hypot(eye.x[b] - eye.x[a], eye.y[b] - eye.y[a]) / px_per_degree;
  const { target, origin } = eye.ray;
  const [ux, uy, uz] = target.map((column, k) => column[a] - origin[k][a]);
  const [vx, vy, vz] = target.map((column, k) => column[b] - origin[k][b]);
  const cross = Math.hypot(uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx);
  return Math.atan2(cross, ux * vx + uy * vy + uz * vz) * 180 / Math.PI;
}
