/** A kept similarity as a picture, rows and columns ordered by label. */
import { type ReadableFiles, readMatrix } from "./stored_similarity.ts";
import type { Measure } from "@/lib/gaze/similarity/measure.ts";
import { type MeasureName, measures } from "@/lib/gaze/similarity/mod.ts";
import { labelOrder, matrixPicture } from "@/lib/images/picture.ts";
import { encodePng } from "@/lib/images/png_encoder.ts";
import type { SimilarityRow } from "@/lib/store/mod.ts";

/**
 * The matrix as PNG of about `side` pixels: dark where images differ, grey where invalid, labels in bands at
 * the border. Of more images than pixels, evenly spaced ones are shown; only their rows are read.
 * @param options.labels of images by name; images without one come last
 * @throws {Conflict} when only neighbours were kept
 */
export async function matrixPng(
  files: ReadableFiles,
  row: SimilarityRow,
  options: { labels?: Map<string, string | null>; component?: string; side?: number } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const { component, side = 512 } = options;
  const all = row.images.map((name) => options.labels?.get(name) ?? null);
  const order = labelOrder(all);
  const shown = order.length <= side
    ? order
    : Array.from({ length: side }, (_, i) => order[Math.floor((i + 0.5) * order.length / side)]);
  const images = shown.map((image) => row.images[image]);
  const { values } = await readMatrix(files, row, { component, images });
  const measure = measures[row.measure as MeasureName] as unknown as Measure | undefined;
  const labels = shown.map((image) => all[image]);
  return encodePng(matrixPicture(values, { labels, range: measure?.range, side }));
}
