/** A stored prediction as it is told. */
import { z } from "zod";
import type { PredictionRow } from "@/lib/store/mod.ts";

export const predictionSchema = z.object({
  id: z.string(),
  model: z.string(),
  dataset: z.string().nullable().describe("null for a picture that came in the request"),
  image: z.string().nullable(),
  label: z.string().describe("The most probable class"),
  probabilities: z.record(z.string(), z.number()),
  created_at: z.iso.datetime(),
}).meta({ id: "Prediction" });
export type Prediction = z.output<typeof predictionSchema>;

export function toPredictionView(
  { model_id, probability: _, ...row }: PredictionRow,
): Prediction {
  return { ...row, model: model_id };
}
