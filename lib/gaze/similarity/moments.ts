/** Gaze maps compared by mass and spread (their zeroth moment and first Hu invariant): blind to location. */
import { z } from "zod";
import { heatmapParams, refuseBesideParity } from "../heatmap.ts";
import { comparandMaps, mapSize } from "./maps.ts";
import type { Measure } from "./measure.ts";

const params = z.strictObject({
  /** Of the sum and of the spread; scaled to sum 1. Published: 0.5 and 0.5 (breast), 0.2 and 0.8 (dental). */
  weights: z.strictObject({ m00: z.number().min(0).max(1), i1: z.number().min(0).max(1) })
    .refine(({ m00, i1 }) => m00 + i1 > 0, "Cannot use weights that are both 0")
    .default({ m00: 0.5, i1: 0.5 }),
  size: mapSize,
  ...heatmapParams,
}).superRefine(refuseBesideParity);

export const moments: Measure<typeof params> = {
  title: "Moments",
  about: "Mass and spread of gaze maps, wherever they lie; for pictures that are unlike.",
  params,
  components: ["score"],
  input: "heatmap",
  async prepare(gpu, comparands, options, pause) {
    const { momentsPairs } = await import("@/gpu/similarity/moments.ts");
    const { size, weights: { m00, i1 } } = options;
    const { maps, valid, used } = await comparandMaps(
      gpu,
      comparands,
      { columns: size, rows: size },
      options,
      pause,
    );
    const weights = { m00: m00 / (m00 + i1), i1: i1 / (m00 + i1) };
    const pairs = momentsPairs(gpu, maps, { weights, valid });
    maps.destroy();
    return { pairs, valid, used };
  },
};
