import { Conflict } from "@/lib/errors.ts";
import type { PairSource } from "@/lib/gaze/arms/arm.ts";
import { type ArmName, arms } from "@/lib/gaze/arms/mod.ts";
import { type Cut, type Positives, positives } from "@/lib/gaze/positives.ts";
import { topPositives } from "@/lib/gaze/top_positives.ts";
import { readMatrix, readTopSimilarity } from "@/lib/similarities/stored_similarity.ts";
import { assertLabels, usableSimilarity } from "@/lib/specs/preconditions.ts";
import type { DatasetRow, ImageRow } from "@/lib/store/mod.ts";
import type { WorkerStore } from "@/lib/store/worker_store.ts";

export interface PositivesSpec {
  arm: ArmName;
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
  store: WorkerStore,
  dataset: DatasetRow,
  rows: ImageRow[],
  spec: PositivesSpec,
): Promise<Positives> {
  const arm = arms[spec.arm];
  if (arm.needs === "labels") await assertLabels(store, dataset);
  return arm.positives({
    n: rows.length,
    seed: spec.seed,
    labels: rows.map(({ label }) => label),
    cut: arm.needs === "similarity" ? await pairCutter(store, dataset, rows, spec) : () => {
      throw new Error(`Cannot cut pairs for arm "${spec.arm}": it does not say that it needs any`);
    },
  });
}

/** Reads the similarity of a job; the answer cuts it into pairs. */
async function pairCutter(
  store: WorkerStore,
  dataset: DatasetRow,
  rows: ImageRow[],
  { similarity, component, cut, soft }: PositivesSpec,
): Promise<PairSource["cut"]> {
  const n = rows.length;
  const row = await usableSimilarity(store, dataset, similarity!, component, cut);
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
    return (place) => topPositives(top, { cut, place, soft });
  }
  const values = new Float32Array(n * n).fill(NaN);
  const read = await readMatrix(store.files, row, { component: component ?? undefined, images });
  places.forEach((i, a) =>
    places.forEach((j, b) => values[i * n + j] = read.values[a * places.length + b])
  );
  return (place) => positives(values, { cut, place, soft });
}
