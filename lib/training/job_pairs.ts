import { Conflict, InvalidInput } from "@/lib/errors.ts";
import type { PairSource } from "@/lib/gaze/arms/arm.ts";
import { type ArmName, arms } from "@/lib/gaze/arms/mod.ts";
import { type Cut, type Positives, positives, withoutPairs } from "@/lib/gaze/positives.ts";
import { MATRIX_LIMIT } from "@/lib/gaze/similarity/matrix.ts";
import { topPositives } from "@/lib/gaze/top_positives.ts";
import { readMatrix, readTopSimilarity } from "@/lib/similarities/stored_similarity.ts";
import { assertLabels, assertPatients, usableSimilarity } from "@/lib/specs/preconditions.ts";
import type { DatasetRow, ImageRow } from "@/lib/store/mod.ts";
import type { WorkerStore } from "@/lib/store/worker_store.ts";

export interface PositivesSpec {
  arm: ArmName;
  similarity: string | null;
  component: string | null;
  cut: Cut;
  /** Weighs pairs by their similarity. */
  soft: boolean;
  /** Leaves out pairs of one patient, of an arm whose pairs are cut. */
  across_patients: boolean;
  seed: number;
}

/** Feature vectors of the images in their order, for an arm that needs them: [N][F]. */
export type FeatureSource = () => Promise<Float32Array[]>;

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
  features: FeatureSource,
): Promise<Positives> {
  const arm = arms[spec.arm];
  if (arm.needs === "labels") await assertLabels(store, dataset);
  if (arm.needs === "patients") await assertPatients(store, dataset);
  const patients = rows.map(({ patient }) => patient);
  return arm.positives({
    n: rows.length,
    seed: spec.seed,
    labels: rows.map(({ label }) => label),
    patients,
    cut: apart(spec, patients, await cutterOf(store, dataset, rows, spec, features)),
  });
}

async function cutterOf(
  store: WorkerStore,
  dataset: DatasetRow,
  rows: ImageRow[],
  spec: PositivesSpec,
  features: FeatureSource,
): Promise<PairSource["cut"]> {
  const { needs } = arms[spec.arm];
  if (needs === "similarity") return await pairCutter(store, dataset, rows, spec);
  if (needs === "features") {
    assertMatrix(rows.length);
    const values = cosines(await features());
    return (place) => positives(values, { cut: spec.cut, place, soft: spec.soft });
  }
  return () => {
    throw new Error(`Cannot cut pairs for arm "${spec.arm}": it does not say that it needs any`);
  };
}

/**
 * Without pairs of one patient, where they are to be left out. Of images that take the gaze of others neither
 * the images nor those whose gaze they have may be of one patient: about as many pairs are left as without that.
 */
function apart(
  { across_patients }: PositivesSpec,
  patients: (string | null)[],
  cut: PairSource["cut"],
): PairSource["cut"] {
  if (!across_patients) return cut;
  const same = (a: number, b: number) => patients[a] !== null && patients[a] === patients[b];
  return (place) =>
    withoutPairs(
      cut(place),
      (i, j) => same(i, j) || (place !== undefined && same(place[i], place[j])),
    );
}

/** @throws {InvalidInput} when the similarities of so many images are not kept in memory */
function assertMatrix(images: number): void {
  if (images <= MATRIX_LIMIT) return;
  throw new InvalidInput(
    `Cannot pair ${images} images by appearance: all pairs are compared, of up to ${MATRIX_LIMIT} images`,
    [{ pointer: "/arm", message: "another arm, or fewer images, are needed" }],
  );
}

/** Cosine of each two vectors, [N][F] -> [N, N]; NaN with a vector of zeros. */
export function cosines(features: Float32Array[]): Float32Array<ArrayBuffer> {
  const n = features.length;
  const unit = features.map((row) => {
    const length = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
    return Float64Array.from(row, (value) => value / length);
  });
  const values = new Float32Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = i; j < n; j++) {
      let sum = 0;
      for (let f = 0; f < unit[i].length; f++) sum += unit[i][f] * unit[j][f];
      values[i * n + j] = values[j * n + i] = sum;
    }
  }
  return values;
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
