import { Conflict } from "@/lib/errors.ts";
import { noPositives, topPositives } from "@/lib/gaze/top_positives.ts";
import {
  type Arm,
  type Cut,
  labelPositives,
  type Positives,
  positives,
} from "@/lib/gaze/positives.ts";
import { readMatrix, readTopSimilarity } from "@/lib/similarities/stored_similarity.ts";
import { assertLabels, usableSimilarity } from "@/lib/specs/preconditions.ts";
import type { DatasetRow, ImageRow, Store } from "@/lib/store/mod.ts";

export interface PositivesSpec {
  arm: Arm;
  similarity: string | null;
  component: string | null;
  cut: Cut;
  /** Weighs pairs by their similarity. */
  soft: boolean;
  seed: number;
}

/**
 * The positive pairs among the images of a job, in their order.
 * @throws {InvalidInput} when the similarity is of another data set, too little of it was kept, or no image has a label
 * @throws {Conflict} when the similarity is of other images
 * @throws {NotFound} when there is no such similarity
 */
export async function jobPositives(
  store: Store,
  dataset: DatasetRow,
  rows: ImageRow[],
  { arm, similarity, component, cut, soft, seed }: PositivesSpec,
): Promise<Positives> {
  const n = rows.length;
  const labels = rows.map(({ label }) => label);
  if (arm === "labels") {
    assertLabels(store, dataset);
    return labelPositives(labels);
  }
  if (arm === "none" || arm === "self") return noPositives(n);
  const row = usableSimilarity(store, dataset, similarity!, component, cut);
  const known = new Set(row.images);
  const places = rows.flatMap(({ name }, i) => known.has(name) ? [i] : []);
  if (places.length === 0) {
    throw new Conflict(`Cannot use similarity "${row.id}": it holds none of the images`);
  }
  const images = places.map((i) => rows[i].name);
  if (row.layout.kind === "neighbours") {
    if (places.length < n) {
      throw new Conflict(`Cannot use similarity "${row.id}": it lacks ${n - places.length} images`);
    }
    const top = await readTopSimilarity(store.files, row, images);
    return topPositives(top, { cut, arm, seed, soft });
  }
  const values = new Float32Array(n * n).fill(NaN);
  const read = await readMatrix(store.files, row, { component: component ?? undefined, images });
  places.forEach((i, a) =>
    places.forEach((j, b) => values[i * n + j] = read.values[a * places.length + b])
  );
  return positives(values, { cut, arm, seed, soft });
}
