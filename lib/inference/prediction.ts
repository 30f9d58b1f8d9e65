/** A stored prediction as it is told. */
import { z } from "zod";
import { declared } from "@/lib/declared.ts";
import { THRESHOLD } from "@/lib/evaluation/binary_figures.ts";
import type { PredictionRow } from "@/lib/store/mod.ts";

export const predictionSchema = z.object({
  id: z.string(),
  model: z.string(),
  dataset: z.string().nullable().describe("null for a picture that came in the request"),
  image: z.string().nullable(),
  stale: z.boolean().describe("Whether that image is gone or has another picture by now"),
  thumbnail: z.boolean().describe("Whether a small picture of what was sent is kept"),
  file: z.string().optional()
    .describe("Name of the file in a form, told in the answer to the form alone: it is not stored"),
  label: z.string().nullable().describe("The most probable class; null of a multi-label model"),
  labels: z.array(z.string()).optional().describe(
    `Of a multi-label model alone: the findings whose probability is above ${THRESHOLD}`,
  ),
  probabilities: z.record(z.string(), z.number())
    .describe("They add up to 1, but for a multi-label model, where each stands alone"),
  created_at: z.iso.datetime(),
}).meta({ id: "Prediction" });
export type Prediction = z.output<typeof predictionSchema>;

export function toPredictionView(
  { model_id, probability: _, image_id: __, image_file: ___, labels, ...row }: PredictionRow,
): Prediction {
  return {
    ...declared(predictionSchema, row),
    ...(labels && { label: null, labels }),
    stale: row.stale ?? false,
    thumbnail: row.thumbnail ?? false,
    model: model_id,
  };
}
