/**
 * MultiMatch: five similarities of two scanpaths and their weighted sum. Dewhurst et al. 2012,
 * https://doi.org/10.3758/s13428-012-0212-2; equal to the Python package multimatch_gaze wherever that gives a value.
 */
import { z } from "zod";
import type { Sequences } from "@/gpu/similarity/sequence.ts";
import { commonFrame } from "./frame.ts";
import type { Comparand, Measure } from "./measure.ts";
import { type Saccades, saccadesOf, simplify } from "./simplify.ts";

const EQUAL = [0.2, 0.2, 0.2, 0.2, 0.2];
/** The authors' setting; their durations count samples, as the fixation filter `fixed_distance` gives them. */
const PUBLISHED = {
  screen: { width: 1920, height: 1080 },
  direction_deg: 45,
  duration_s: 100,
  amplitude_px: 160,
  weights: [0.1, 0.1, 0.1, 0.1, 0.6],
};

const params = z.strictObject({
  /** Saccades that turn by less than this are merged, degrees. */
  direction_deg: z.number().min(0).max(180).default(45),
  duration_s: z.number().min(0).max(100_000).optional().describe(
    "Only fixations shorter than this are merged away, in the unit of the gaze's durations: s, or " +
      "samples where the fixation filter counts those; 0.3 where not given, 100 with parity",
  ),
  amplitude_px: z.number().min(0).max(100_000).optional().describe(
    "Saccades shorter than this are merged, px; 10 % of the screen's diagonal where not given, " +
      "160 with parity",
  ),
  /** Whether scanpaths are simplified before they are compared. */
  grouping: z.boolean().default(true),
  weights: z.array(z.number().min(0)).length(5)
    .refine((weights) => weights.some((weight) => weight > 0), "Cannot use weights that are all 0")
    .optional().describe(
      "Of shape, direction, length, position, duration; scaled to sum 1. Equal where not given, " +
        "0.1, 0.1, 0.1, 0.1, 0.6 with parity",
    ),
  screen: z.strictObject({ width: z.number().positive(), height: z.number().positive() })
    .optional().describe(
      "Size of the screen, px, on which gaze is taken as it is; every image fills it where not " +
        "given, 1920 x 1080 with parity",
    ),
  /** The authors' setting for all that is not given: screen, durations, amplitude, weights. */
  parity: z.boolean().default(false),
});

export const multimatch: Measure<typeof params> = {
  title: "MultiMatch",
  about: "Shape, direction, length, position and duration of scanpaths.",
  params,
  components: ["score", "shape", "direction", "length", "position", "duration"],
  input: "scanpath",
  async prepare(gpu, comparands, options) {
    const { multimatchPairs } = await import("@/gpu/similarity/multimatch.ts");
    const { paths, diagonal, ...used } = saccadePaths(comparands, options);
    const weights = options.weights ?? (options.parity ? PUBLISHED.weights : EQUAL);
    const sum = weights.reduce((a, b) => a + b, 0);
    const shares = weights.map((weight) => weight / sum);
    return {
      pairs: multimatchPairs(gpu, sequencesOf(paths), { diagonal, weights: shares }),
      valid: paths.map(({ dx }) => dx.length > 0),
      used: { ...used, weights: shares },
      warnings: options.parity && options.duration_s === undefined ? unitWarnings(paths) : [],
    };
  },
};

/** Saccades of every comparand on a common screen, simplified; none where there are under 3 fixations. */
export function saccadePaths(
  comparands: Comparand[],
  options: z.output<typeof params>,
): {
  paths: Saccades[];
  diagonal: number;
  duration_s: number;
  amplitude_px: number;
  screen: { width: number; height: number };
} {
  const published = options.parity ? PUBLISHED : undefined;
  const frame = commonFrame(comparands, options.screen ?? published?.screen);
  const { width, height } = frame;
  const diagonal = Math.hypot(width, height);
  const duration_s = options.duration_s ?? published?.duration_s ?? 0.3;
  const amplitude_px = options.amplitude_px ?? published?.amplitude_px ?? 0.1 * diagonal;
  const paths = comparands.map((comparand) => {
    const fixations = comparand.fixations.length < 3 ? [] : frame.place(comparand);
    const path = saccadesOf(fixations);
    return options.grouping ? simplify(path, { ...options, duration_s, amplitude_px }) : path;
  });
  return { paths, diagonal, duration_s, amplitude_px, screen: { width, height } };
}

/** Durations in seconds lie far below the published limit, which counts samples. */
function unitWarnings(paths: Saccades[]): string[] {
  const durations = paths.flatMap(({ duration }) => duration);
  if (durations.length === 0 || durations.every(Number.isInteger)) return [];
  const { duration_s } = PUBLISHED;
  const under = durations.filter((duration) => duration < duration_s).length;
  return [
    `The published duration limit of ${duration_s} counts samples, and this gaze's durations are no ` +
    `counts: ${under} of ${durations.length} lie under it; fixed_distance with parity makes ` +
    "fixations as published, or duration_s gives a limit in seconds",
  ];
}

function sequencesOf(paths: Saccades[]): Sequences {
  const lengths = Uint32Array.from(paths, ({ dx }) => dx.length);
  const values = new Float32Array(lengths.reduce((sum, n) => sum + n, 0) * 8);
  let at = 0;
  for (const { x, y, dx, dy, duration } of paths) {
    for (let i = 0; i < dx.length; i++, at += 8) {
      const rho = Math.hypot(dx[i], dy[i]), theta = Math.atan2(dy[i], dx[i]);
      values.set([dx[i], dy[i], x[i], y[i], rho, theta, duration[i], 0], at);
    }
  }
  return { values, stride: 8, lengths };
}
