/** Histogram intersection: the mass that two gaze maps of sum 1 share. */
import { z } from "zod";
import { heatmapParams, refuseBesideParity } from "../heatmap.ts";
import { comparandMaps, mapSize } from "./maps.ts";
import type { Measure } from "./measure.ts";

const params = z.strictObject({ size: mapSize, ...heatmapParams })
  .superRefine(refuseBesideParity);

export const histogram: Measure<typeof params> = {
  title: "Histogram intersection",
  about: "How much of their mass gaze maps share.",
  params,
  components: ["score"],
  input: "heatmap",
  async prepare(gpu, comparands, options, pause) {
    const { histogramPairs } = await import("@/gpu/similarity/location.ts");
    const { size } = options;
    const { maps, valid, used } = await comparandMaps(
      gpu,
      comparands,
      { columns: size, rows: size },
      options,
      pause,
    );
    const pairs = histogramPairs(gpu, maps, { valid });
    maps.destroy();
    return { pairs, valid, used };
  },
};
