/** The most similar images of one, and the most similar pairs of all, from a kept similarity. */
import { z } from "zod";
import {
  matrixRow,
  matrixRows,
  partOf,
  type ReadableFiles,
  readNeighbours,
} from "./stored_similarity.ts";
import { TopPairs } from "@/lib/gaze/similarity/neighbours.ts";
import type { SimilarityRow } from "@/lib/store/mod.ts";

const labelSchema = z.string().nullable();
const LABEL =
  "null where there is none, or the similarity is of other images by now. In a multi-label set all " +
  "findings, joined by +, where all are known";

/** An image and how similar it is. */
export const neighbourSchema = z.object({
  image: z.string(),
  similarity: z.number(),
  label: labelSchema.describe(LABEL),
}).meta({ id: "Neighbour" });
export type Neighbour = z.output<typeof neighbourSchema>;

/** Two images and how similar they are. */
export const pairSchema = z.object({
  images: z.tuple([z.string(), z.string()]),
  similarity: z.number(),
  labels: z.tuple([labelSchema, labelSchema]).describe(LABEL),
}).meta({ id: "Pair" });
export type Pair = z.output<typeof pairSchema>;

/** Labels of images by name. */
type Labels = Map<string, string | null>;

/** The `top` most similar images of one, best first; images without a value are left out. */
export async function neighboursOf(
  files: ReadableFiles,
  row: SimilarityRow,
  options: { image: string; top: number; component?: string; labels?: Labels },
): Promise<Neighbour[]> {
  const named = (other: number, similarity: number) => {
    const image = row.images[other];
    return { image, similarity, label: options.labels?.get(image) ?? null };
  };
  const { at, wanted: [image] } = partOf(row, { ...options, images: [options.image] });
  if (row.layout.kind === "neighbours") {
    const { indices, values, layout: { top_k } } = await readNeighbours(files, row);
    const start = image * top_k;
    return [...indices.subarray(start, start + Math.min(options.top, top_k))]
      .map((other, i) => named(other, values[start + i]))
      .filter((neighbour) => neighbour.image !== undefined);
  }
  const line = await matrixRow(files, row, { at, image });
  return Array.from(line, (_, other) => other)
    .filter((other) => other !== image && !Number.isNaN(line[other]))
    .sort((a, b) => line[b] - line[a] || a - b)
    .slice(0, options.top)
    .map((other) => named(other, line[other]));
}

/** The `top` most similar pairs of all images, best first. */
export async function topPairs(
  files: ReadableFiles,
  row: SimilarityRow,
  options: { top: number; component?: string; labels?: Labels },
): Promise<Pair[]> {
  const { at, wanted } = partOf(row, options);
  let best: { rows: Uint32Array; columns: Uint32Array; values: Float32Array };
  if (row.layout.kind === "neighbours") best = (await readNeighbours(files, row)).pairs;
  else {
    const sink = new TopPairs(options.top);
    let image = 0;
    const n = wanted.length;
    for await (const line of matrixRows(files, row, { at, wanted })) {
      const columns = { from: image + 1, count: n - image - 1 };
      sink.add({ rows: { from: image++, count: 1 }, columns, values: line.subarray(columns.from) });
    }
    best = sink.pairs;
  }
  return Array.from(best.values.subarray(0, options.top), (similarity, i) => {
    const images: Pair["images"] = [row.images[best.rows[i]], row.images[best.columns[i]]];
    const [a, b] = images.map((image) => options.labels?.get(image) ?? null);
    return { images, similarity, labels: [a, b] };
  });
}
