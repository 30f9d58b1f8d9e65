/** Large tables of labels are read and stored in a thread, so that the caller's goes on answering. */
import type { ClusterSettings } from "@/lib/cluster_settings.ts";
import { limits } from "@/lib/threads/limits.ts";
import { ThreadPool } from "@/lib/threads/pool.ts";

export interface LabelsRequest {
  /** The store's. */
  directory: string;
  cluster?: ClusterSettings;
  dataset: string;
  bytes: Uint8Array<ArrayBuffer>;
  file: string;
}

const pool = new ThreadPool(import.meta.resolve("./labels_worker.ts"), limits.labels);

/** As `putLabelsHere`, and Overloaded. The bytes are gone afterwards. */
export async function putLabelsInThread<Report>(request: LabelsRequest): Promise<Report> {
  const { bytes } = request;
  // The file, its text, and what of it becomes labels.
  return await pool.run(request, {
    memory: 4 * bytes.length,
    size: bytes.length / 1e6,
    transfer: [bytes.buffer],
  });
}
