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
const PUBLISHED = [0.1, 0.1, 0.1, 0.1, 0.6];

const params = z.strictObject({
  /** Saccades that turn by less than this are merged, degrees. */
  direction_deg: z.number().min(0).max(180).default(45),
  /** Only fixations shorter than this are merged away, s. */
  duration_s: z.number().min(0).max(60).default(0.3),
  /** Saccades shorter than this are merged, px; without it 10 % of the screen's diagonal. */
  amplitude_px: z.number().min(0).max(100_000).optional(),
  /** Whether scanpaths are simplified before they are compared. */
  grouping: z.boolean().default(true),
  /** Of shape, direction, length, position, duration; scaled to sum 1. Without it equal. */
  weights: z.array(z.number().min(0)).length(5)
    .refine((weights) => weights.some((weight) => weight > 0), "Cannot use weights that are all 0")
    .optional(),
  /** Size of the screen, px, when gaze is to be taken as it is; without it every image fills it. */
  screen: z.strictObject({ width: z.number().positive(), height: z.number().positive() })
    .optional(),
  /** The published weights (0.1, 0.1, 0.1, 0.1, 0.6) where none are given. */
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
    const weights = options.weights ?? (options.parity ? PUBLISHED : EQUAL);
    const sum = weights.reduce((a, b) => a + b, 0);
    const shares = weights.map((weight) => weight / sum);
    return {
      pairs: multimatchPairs(gpu, sequencesOf(paths), { diagonal, weights: shares }),
      valid: paths.map(({ dx }) => dx.length > 0),
      used: { ...used, weights: shares },
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
  amplitude_px: number;
  screen: { width: number; height: number };
} {
  const frame = commonFrame(comparands, options.screen);
  const { width, height } = frame;
  const diagonal = Math.hypot(width, height);
  const amplitude_px = options.amplitude_px ?? 0.1 * diagonal;
  const paths = comparands.map((comparand) => {
    const fixations = comparand.fixations.length < 3 ? [] : frame.place(comparand);
    const path = saccadesOf(fixations);
    return options.grouping ? simplify(path, { ...options, amplitude_px }) : path;
  });
  return { paths, diagonal, amplitude_px, screen: { width, height } };
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
