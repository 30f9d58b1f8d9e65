/** The spec of a `similarity` job: all pairs of a data set's images by one measure of their gaze. */
import { quoted } from "@/lib/quoted.ts";
import { z } from "zod";
import { choice, partOf, settingsBy } from "@/lib/choice.ts";
import { InvalidInput } from "@/lib/errors.ts";
import { readerName } from "@/lib/datasets/pseudonym.ts";
import { filled } from "@/lib/filled_schema.ts";
import { MATRIX_LIMIT } from "@/lib/gaze/similarity/matrix.ts";
import type { Measure } from "@/lib/gaze/similarity/measure.ts";
import { type MeasureParams, measureParamsSchema, measures } from "@/lib/gaze/similarity/mod.ts";
import { addedFields, type JobSpec } from "./spec.ts";
import { problemsOf } from "@/lib/problems.ts";
import { parseSpec } from "./parse.ts";
import { reference } from "./reference.ts";

const schema = z.strictObject({
  dataset: reference("datasets"),
  measure: choice(measures),
  /** Of the measure; its own defaults where not given. */
  params: settingsBy("measure", partOf(measures as unknown as Record<string, Measure>, "params"))
    .default({}),
  /** Readers whose gaze counts; null: all. */
  readers: z.array(z.string().max(512)).min(1).max(1000).nullable().default(null),
  /** Over the pairs of readers of two images. */
  combine: z.enum(["mean", "max"]).default("mean"),
  /** What is kept: every pair, or the nearest of each image and the nearest pairs; auto: by number. */
  keep: z.enum(["auto", "matrix", "neighbours"]).default("auto"),
  /** Nearest images kept of each, where the matrix is not. */
  top_k: z.int().min(1).max(1000).default(50),
  /** Nearest pairs kept of all, where the matrix is not. */
  most_pairs: z.int().min(1).max(10_000_000).default(1_000_000),
});

export type SimilaritySpec = Omit<z.output<typeof schema>, "params"> & { params: MeasureParams };

/**
 * A spec with the measure's defaults filled in.
 * @throws {InvalidInput} naming each field that is wrong
 */
export function parseSimilarity(spec: unknown): SimilaritySpec {
  const parsed = parseSpec(schema, spec);
  const params = measures[parsed.measure].params.safeParse(parsed.params);
  if (params.success) return { ...parsed, params: params.data };
  throw new InvalidInput(
    `Cannot use these parameters for ${parsed.measure}`,
    problemsOf(params.error, ["params"]),
  );
}

const kept = filled(z.object({
  ...schema.shape,
  params: measureParamsSchema,
  keep: schema.shape.keep.unwrap().exclude(["auto"]),
  ...addedFields,
})).meta({ id: "SimilaritySpec" });
const result = z.object({ similarity: z.string().describe("Id") });

export const similarity: JobSpec<typeof schema, typeof kept, typeof result> = {
  title: "Similarity of gaze",
  about: "How alike the images of a data set were looked at, pair by pair.",
  ...{ schema, kept, result },
  async resolve(spec, store) {
    const resolved = parseSimilarity(spec);
    const dataset = await store.datasets.byName(spec.dataset);
    const images = await store.images.count([["dataset_id = ?", dataset.id]]);
    const has = async (reader?: string) =>
      await store.gaze.has(dataset.id, reader) || await store.heatmaps.has(dataset.id, reader);
    const any = await has();
    if (!any) {
      throw new InvalidInput(`Cannot compare gaze: dataset "${spec.dataset}" has none`, [
        { pointer: "/dataset", message: "gaze or heatmaps are needed" },
      ]);
    }
    // As everywhere, a reader may be named as the file named them.
    const readers = spec.readers &&
      [...new Set(spec.readers.map((reader) => readerName(store, reader)))];
    const unknown: string[] = [];
    for (const reader of readers ?? []) if (!await has(reader)) unknown.push(reader);
    if (unknown.length > 0) {
      throw new InvalidInput(`Cannot find readers ${quoted(unknown)} in the data set`, [
        { pointer: "/readers", message: "unknown reader" },
      ]);
    }
    if (resolved.keep === "matrix" && images > MATRIX_LIMIT) {
      const { components } = measures[resolved.measure];
      const gigabytes = (bytes: number) => `${(bytes / 1e9).toPrecision(2)} GB`;
      const matrix = gigabytes(images ** 2 * 4 * components.length);
      const nearest = gigabytes(8 * images * resolved.top_k + 12 * resolved.most_pairs);
      throw new InvalidInput(
        `Cannot keep the matrix of ${images} images: it takes ${matrix}, and ${MATRIX_LIMIT} ` +
          `images are the most; the nearest ${resolved.top_k} of each take ${nearest}`,
        [{ pointer: "/keep", message: "auto or neighbours is needed" }],
      );
    }
    const keep = resolved.keep !== "auto"
      ? resolved.keep
      : images > MATRIX_LIMIT
      ? "neighbours"
      : "matrix";
    return { ...resolved, readers, keep };
  },
};
