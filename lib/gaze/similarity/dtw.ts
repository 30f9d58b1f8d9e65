/** Dynamic time warping over fixation positions and durations, per step of the path. */
import { z } from "zod";
import { commonFrame } from "./frame.ts";
import type { Measure } from "./measure.ts";

const params = z.strictObject({
  /** Share of the durations' relative difference in a step's cost; the rest is distance over the diagonal. */
  duration_weight: z.number().min(0).max(1).default(0.2),
  /** Size of the screen, px, when gaze is to be taken as it is; without it every image fills it. */
  screen: z.strictObject({ width: z.number().positive(), height: z.number().positive() })
    .optional(),
});

export const dtw: Measure<typeof params> = {
  title: "Dynamic time warping",
  about: "How far scanpaths lie apart when they are warped onto each other in time.",
  params,
  components: ["score"],
  input: "scanpath",
  async prepare(gpu, comparands, options) {
    const { dtwPairs } = await import("@/gpu/similarity/dtw.ts");
    const frame = commonFrame(comparands, options.screen);
    const diagonal = Math.hypot(frame.width, frame.height);
    const scanpaths = comparands.map((comparand) => frame.place(comparand));
    const lengths = Uint32Array.from(scanpaths, (fixations) => fixations.length);
    const values = Float32Array.from(
      scanpaths.flat().flatMap(({ x, y, duration }) => [x / diagonal, y / diagonal, duration, 0]),
    );
    const durationWeight = options.duration_weight;
    return {
      pairs: dtwPairs(gpu, { values, stride: 4, lengths }, { durationWeight }),
      valid: scanpaths.map((fixations) => fixations.length > 0),
    };
  },
};
