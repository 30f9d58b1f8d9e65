/** What a similarity was computed from, and whether that is still what its data set holds. */
import { Conflict } from "@/lib/errors.ts";
import type { DatasetRow, SimilarityRow } from "@/lib/store/mod.ts";
import type { WorkerStore } from "@/lib/store/worker_store.ts";

type Known = Pick<WorkerStore, "datasets" | "images" | "gaze" | "heatmaps">;

/**
 * Whether pictures or gaze are others by now than those that were compared: another upload under the name,
 * an image put in or replaced, gaze added, the data set deleted. Labels, patients and splits may change.
 */
export async function isStale(
  store: Known,
  row: SimilarityRow,
): Promise<boolean> {
  const dataset = await store.datasets.find(row.dataset_id);
  return !dataset || await differs(store, row, dataset);
}

/** @throws {Conflict} when the data set's pictures or gaze are others by now */
export async function assertCurrent(
  store: Known,
  row: SimilarityRow,
  dataset: DatasetRow,
): Promise<void> {
  if (!await differs(store, row, dataset)) return;
  throw new Conflict(
    `Cannot use similarity "${row.id}": images or gaze of "${dataset.name}" have changed since it was ` +
      `computed; queue a similarity job with measure "${row.measure}" and use what that gives`,
  );
}

async function differs(store: Known, row: SimilarityRow, dataset: DatasetRow): Promise<boolean> {
  const hashed = await store.datasets.hashed(dataset);
  if (row.dataset_digest === hashed.digest) return false;
  return !row.gaze_digest || row.gaze_digest !== await store.datasets.gazeDigestOf(dataset.id);
}
