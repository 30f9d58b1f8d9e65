/** Pearson correlation of two gaze maps, -1 to 1. */
import { z } from "zod";
import { heatmapParams, refuseBesideParity } from "../heatmap.ts";
import { comparandMaps, mapSize } from "./maps.ts";
import type { Measure } from "./measure.ts";

const params = z.strictObject({ size: mapSize, ...heatmapParams })
  .superRefine(refuseBesideParity);

export const cc: Measure<typeof params> = {
  title: "Correlation",
  about: "How gaze maps correlate, cell by cell; -1 to 1.",
  params,
  components: ["score"],
  range: [-1, 1],
  input: "heatmap",
  async prepare(gpu, comparands, options, pause) {
    const { ccPairs } = await import("@/gpu/similarity/location.ts");
    const { size } = options;
    const { maps, valid, used } = await comparandMaps(
      gpu,
      comparands,
      { columns: size, rows: size },
      options,
      pause,
    );
    const pairs = ccPairs(gpu, maps, { valid });
    maps.destroy();
    return { pairs, valid, used };
  },
};
