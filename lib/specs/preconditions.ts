/** What a job needs of its data set, looked up when it is queued and again when it runs. */
import { InvalidInput } from "@/lib/errors.ts";
import { comparedLabel, findingsOf } from "@/lib/datasets/multi_label.ts";
import { beyond } from "@/lib/gaze/top_similarity.ts";
import type { Cut } from "@/lib/gaze/positives.ts";
import { assertCurrent } from "@/lib/similarities/binding.ts";
import { partOf } from "@/lib/similarities/stored_similarity.ts";
import type { DatasetRow, SimilarityRow } from "@/lib/store/mod.ts";
import type { WorkerStore } from "@/lib/store/worker_store.ts";

/**
 * A similarity that can be cut into pairs of the data set's images.
 * @throws {NotFound} when there is none of this id
 * @throws {Conflict} when images or gaze of the data set have changed since
 * @throws {InvalidInput} when it is of another data set, lacks the component, or too little was kept for the cut
 */
export async function usableSimilarity(
  store: Pick<WorkerStore, "similarities" | "images" | "gaze" | "heatmaps" | "datasets">,
  dataset: DatasetRow,
  id: string,
  component: string | null,
  cut: Cut,
): Promise<SimilarityRow> {
  const row = await store.similarities.get(id);
  if (row.dataset_id !== dataset.id) {
    throw new InvalidInput(`Cannot use similarity "${id}": it is not of "${dataset.name}"`, [
      { pointer: "/similarity", message: "of another data set, or of a deleted one of this name" },
    ]);
  }
  await assertCurrent(store, row, dataset);
  partOf(row, { component: component ?? undefined });
  checkLayout(row, cut);
  return row;
}

/** Of very many images not every cut can be told; the job itself looks again, as it may leave images out. */
function checkLayout(row: SimilarityRow, cut: Cut): void {
  if (row.layout.kind === "matrix") return;
  const { top_k, pairs, above } = row.layout;
  if ("top_k" in cut && cut.top_k > top_k) {
    throw beyond(`top_k ${cut.top_k}`, `top_k up to ${top_k}`);
  }
  if ("threshold" in cut && above !== null && cut.threshold < above) {
    throw beyond(`a threshold of ${cut.threshold}`, `thresholds from ${above} on`);
  }
  const share = pairs / (row.histogram.pairs as number);
  if ("quantile" in cut && above !== null && cut.quantile > share) {
    throw beyond(
      `a quantile of ${cut.quantile}`,
      `quantiles under ${share.toPrecision(2)}, or top_k up to ${top_k}`,
    );
  }
}

/** @throws {InvalidInput} when no patient has two images */
export async function assertPatients(
  store: Pick<WorkerStore, "images">,
  dataset: DatasetRow,
): Promise<void> {
  const images = await store.images.all(dataset.id);
  const patients = images.flatMap(({ patient }) => patient ?? []);
  const { size } = new Set(patients);
  if (size < patients.length) return;
  const found = size === 0
    ? "names no patients"
    : `has ${size} patients of one image each, where a patient of two is needed`;
  throw new InvalidInput(`Cannot pair by patients: dataset "${dataset.name}" ${found}`, [
    { pointer: "/arm", message: "another arm, or patients in labels.csv, are needed" },
  ]);
}

/** @throws {InvalidInput} when no image has a label */
export async function assertLabels(
  store: Pick<WorkerStore, "images">,
  dataset: DatasetRow,
): Promise<void> {
  const classes = findingsOf(dataset);
  if (classes !== null) {
    const images = await store.images.all(dataset.id);
    if (images.some((image) => comparedLabel(image, classes) !== null)) return;
    throw new InvalidInput(
      `Cannot pair by labels: images of "${dataset.name}", a multi-label set, pair where all of their ` +
        `${classes.length} findings are known and equal, and of no image all are known`,
    );
  }
  const labels = [...(await store.images.labels(dataset.id)).keys()];
  if (labels.every((label) => label === null)) {
    throw new InvalidInput(`Cannot pair by labels: no image of "${dataset.name}" has one`);
  }
}
