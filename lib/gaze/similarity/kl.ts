/**
 * exp(-KL) of two gaze maps of sum 1, where KL is the mean of the Kullback-Leibler divergences of either
 * from the other: the divergence itself is not symmetric, a similarity is.
 */
import { z } from "zod";
import { heatmapParams, refuseBesideParity } from "../heatmap.ts";
import { comparandMaps, mapSize } from "./maps.ts";
import type { Measure } from "./measure.ts";

const params = z.strictObject({
  size: mapSize,
  /** Share of each map that is spread evenly, so that no cell is empty. */
  epsilon: z.number().min(1e-9).max(0.5).default(1e-6),
  ...heatmapParams,
}).superRefine(refuseBesideParity);

export const kl: Measure<typeof params> = {
  title: "Kullback-Leibler",
  about: "How little gaze maps diverge from each other, as a similarity.",
  params,
  components: ["score"],
  input: "heatmap",
  async prepare(gpu, comparands, options, pause) {
    const { klPairs } = await import("@/gpu/similarity/location.ts");
    const { size, epsilon } = options;
    const { maps, valid, used } = await comparandMaps(
      gpu,
      comparands,
      { columns: size, rows: size },
      options,
      pause,
    );
    const pairs = klPairs(gpu, maps, { valid, epsilon });
    maps.destroy();
    return { pairs, valid, used };
  },
};
