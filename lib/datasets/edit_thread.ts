/** Changes of large data sets are made in a thread, so that the caller's goes on answering. */
import type { ClusterSettings } from "@/lib/cluster_settings.ts";
import { limits } from "@/lib/threads/limits.ts";
import { ThreadPool } from "@/lib/threads/pool.ts";
import type { Store } from "@/lib/store/mod.ts";

/** A table of labels that is put in, or all rows of a set that go. */
export type Edit =
  | { labels: Uint8Array<ArrayBuffer>; file: string }
  | { removal: true };

export interface EditRequest {
  /** The store's. */
  directory: string;
  cluster?: ClusterSettings;
  dataset: string;
  edit: Edit;
}

const pool = new ThreadPool(import.meta.resolve("./edit_worker.ts"), limits.edit);

async function run<Result>(store: Store, dataset: string, edit: Edit, bytes: number) {
  const { directory, cluster } = store;
  const request: EditRequest = { directory, cluster: cluster?.settings, dataset, edit };
  return await pool.run<Result>(request, {
    memory: bytes,
    size: bytes / 1e6,
    transfer: "labels" in edit ? [edit.labels.buffer] : [],
  });
}

/** As `putLabelsHere`, and Overloaded. The bytes are gone afterwards. */
export async function putLabelsInThread<Report>(
  store: Store,
  dataset: string,
  labels: Uint8Array<ArrayBuffer>,
  file: string,
): Promise<Report> {
  // The file, and what of it becomes labels.
  return await run<Report>(store, dataset, { labels, file }, 3 * labels.length);
}

/** Bytes that the names of an image's files take on their way. */
const IMAGE_BYTES = 500;

/** As `removeRows`, and Overloaded. */
export async function removeRowsInThread<Removed>(
  store: Store,
  dataset: string,
  images: number,
): Promise<Removed> {
  return await run<Removed>(store, dataset, { removal: true }, IMAGE_BYTES * images);
}
