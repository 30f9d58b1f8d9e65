/** A map over an image as it is told. */
import { z } from "zod";
import { gazeAgreementSchema } from "./agreement.ts";

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
  agreement: gazeAgreementSchema.nullable()
    .describe("With the gaze on an image of a data set; null without gaze"),
});
export type MapView = z.output<typeof mapSchema>;

export const similarityMapSchema = mapSchema.extend({
  x: z.number().describe("The point, image pixels from the left"),
  y: z.number().describe("From the top"),
}).meta({ id: "SimilarityMap" });

export const saliencyMapSchema = mapSchema.extend({
  class: z.string().describe("The class that is explained"),
  probabilities: z.record(z.string(), z.number()),
}).meta({ id: "SaliencyMap" });
