/** Feature vectors of pictures, and the pictures nearest to one, as they are told. */
import { z } from "zod";

export const embeddingsSchema = z.object({
  model: z.string(),
  features: z.number().describe("Length of a vector"),
  projection: z.object({
    method: z.enum(["pca", "umap"]),
    explained: z.array(z.number()).optional().describe("Shares of the variance"),
  }).nullable(),
  data: z.array(z.object({
    dataset: z.string().nullable(),
    image: z.string().nullable(),
    file: z.string().optional().describe("Name of the file in a form"),
    label: z.string().nullable()
      .describe("In a multi-label set all findings, joined by +, where all are known"),
    vector: z.array(z.number()).optional(),
    point: z.array(z.number()).optional().describe("In the plane of the projection"),
  })),
}).meta({ id: "Embeddings" });
export type Embeddings = z.output<typeof embeddingsSchema>;

export const nearestImagesSchema = z.object({
  model: z.string(),
  among: z.string().describe("Name of the data set"),
  data: z.array(z.object({
    image: z.string(),
    label: z.string().nullable()
      .describe("In a multi-label set all findings, joined by +, where all are known"),
    similarity: z.number().describe("Cosine of the features"),
  })),
  novelty: z.object({
    usual: z.number().describe(
      "Median over the set's pictures: similarity to the nearest of another patient",
    ),
    further: z.number().describe(
      "Share of the set's pictures that lie as far from the others as this one from them, or further; near 0: " +
        "it is unlike the set",
    ),
  }).nullable().describe("How far the picture lies from the set; null where the set has too few"),
}).meta({ id: "NearestImages" });
