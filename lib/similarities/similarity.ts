/** A similarity as it is told. */
import { z } from "zod";
import { filled } from "@/lib/filled_schema.ts";
import { distributionSchema } from "@/lib/gaze/similarity/distribution.ts";
import { type MeasureParams, measures } from "@/lib/gaze/similarity/mod.ts";
import { isStale } from "./binding.ts";
import type { SimilarityRow, Store } from "@/lib/store/mod.ts";

const combination = {
  readers: z.array(z.string()).nullable().describe("Whose gaze counts; null: all"),
  combine: z.enum(["mean", "max"]).describe("Over the pairs of readers of two images"),
};

/** Of one of the measures, and how readers were combined. */
export const similarityParamsSchema = z.union(
  Object.values(measures).map(({ params }) => filled(params as z.ZodObject).extend(combination)),
) as unknown as z.ZodType<MeasureParams & z.output<z.ZodObject<typeof combination>>>;

const keptSchema = z.discriminatedUnion("layout", [
  z.object({ layout: z.literal("matrix") }),
  z.object({
    layout: z.literal("neighbours"),
    top_k: z.number().describe("Nearest images kept of each"),
    pairs: z.number().describe("Nearest pairs kept of all"),
    above: z.number().nullable().describe("Every pair above this is kept; null: every pair is"),
  }),
]);

export const similaritySchema = z.object({
  id: z.string(),
  measure: z.string(),
  dataset: z.string().nullable().describe("null once it is deleted"),
  dataset_digest: z.string().describe("When it was computed"),
  stale: z.boolean()
    .describe("Whether the data set is gone, or its images or gaze are others by now"),
  job: z.string(),
  params: similarityParamsSchema,
  size: z.number().describe("Images"),
  components: z.array(z.string()).describe("The first is the similarity itself"),
  invalid: z.array(z.string()).describe("Images without gaze that can be compared"),
  histogram: distributionSchema.extend({ kept: keptSchema })
    .meta({ id: "SimilarityHistogram", description: "Of all pairs, and which of them are kept" }),
  created_at: z.iso.datetime(),
}).meta({ id: "Similarity" });
type Kept = z.output<typeof keptSchema>;
export type SimilarityView = z.output<typeof similaritySchema>;

export const similarityOfImagesSchema = similaritySchema.extend({
  images: z.array(z.string()).describe("In the order of rows and columns"),
}).meta({ id: "SimilarityOfImages" });

export async function toSimilarityView(store: Store, row: SimilarityRow): Promise<SimilarityView> {
  const { kind: layout, ...rest } = row.layout;
  return {
    id: row.id,
    measure: row.measure,
    dataset: (await store.datasets.find(row.dataset_id))?.name ?? null,
    dataset_digest: row.dataset_digest,
    stale: await isStale(store, row),
    job: row.job_id,
    params: row.params as SimilarityView["params"],
    size: row.images.length,
    components: row.components,
    invalid: row.invalid,
    histogram: { ...row.histogram, kept: { layout, ...rest } as Kept },
    created_at: row.created_at,
  };
}
