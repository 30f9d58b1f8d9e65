/** A map over an image as it is told. */
import { z } from "zod";
import { gazeAgreementSchema } from "./agreement.ts";
import type { ValueGrid } from "@/lib/images/picture.ts";
import { fewCells } from "@/lib/models/map_grid.ts";
import { SALIENCY_METHODS } from "./protocol.ts";

const mapSchema = z.object({
  model: z.string(),
  dataset: z.string().nullable(),
  image: z.string().nullable(),
  height: z.number(),
  width: z.number(),
  values: z.array(z.number()).describe("[height, width]"),
  image_height: z.number().describe("Pixels of the image itself"),
  image_width: z.number(),
  grid: z.object({ columns: z.number(), rows: z.number() })
    .describe("Cells of the network's last map"),
  warnings: z.array(z.string())
    .describe("Why the map tells little or nothing: few cells, or 0 everywhere"),
  agreement: gazeAgreementSchema.nullable()
    .describe("With the gaze on an image of a data set; null without gaze"),
});
export type MapView = z.output<typeof mapSchema>;

export const similarityMapSchema = mapSchema.extend({
  x: z.number().describe("The point, image pixels from the left"),
  y: z.number().describe("From the top"),
}).meta({ id: "SimilarityMap" });

export const saliencyMapSchema = mapSchema.extend({
  method: z.enum(SALIENCY_METHODS),
  head: z.number().nullable().describe(
    "Whose attention it is; null: the mean of all, and of other methods",
  ),
  class: z.string().nullable().describe(
    "The class that is explained by Grad-CAM; attention is of no class: then that which is predicted, or named. null " +
      "without classes, as attention of a bare backbone is",
  ),
  probabilities: z.record(z.string(), z.number()).nullable(),
}).meta({ id: "SaliencyMap" });

/**
 * What to know before a map is believed.
 * @param nothing what it means where all values are 0
 */
export function mapWarnings(grid: ValueGrid, nothing: string): string[] {
  const flat = Array.from(grid.values).every((value) => value === 0);
  return [...fewCells(grid), ...(flat ? [`All values are 0: ${nothing}`] : [])];
}
