/** Difference hash of gaze maps: where the map falls from left to right, on 8 rows of 9 cells. */
import { z } from "zod";
import { heatmapParams, refuseBesideParity } from "../heatmap.ts";
import { comparandMaps } from "./maps.ts";
import type { Measure } from "./measure.ts";

const params = z.strictObject(heatmapParams).superRefine(refuseBesideParity);

export const dhash: Measure<typeof params> = {
  title: "Difference hash",
  about: "Where gaze maps rise and fall from left to right; for pictures that are alike.",
  params,
  components: ["score"],
  input: "heatmap",
  async prepare(gpu, comparands, options, pause) {
    const { dhashPairs } = await import("@/gpu/similarity/dhash.ts");
    const { maps, valid, used } = await comparandMaps(
      gpu,
      comparands,
      { columns: 9, rows: 8 },
      options,
      pause,
    );
    const pairs = dhashPairs(gpu, maps, { valid });
    maps.destroy();
    return { pairs, valid, used };
  },
};
