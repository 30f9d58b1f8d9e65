/** Imports in a thread of its own, so that the caller's thread goes on answering meanwhile. */
import type { ClusterSettings } from "@/lib/cluster_settings.ts";
import { limits } from "@/lib/threads/limits.ts";
import { ThreadPool } from "@/lib/threads/pool.ts";
import type { ImportOptions } from "./archive.ts";
import type { ImportReport } from "./import_report.ts";
import type { Store } from "@/lib/store/mod.ts";

export interface ImportRequest
  extends Pick<ImportOptions, "dryRun" | "mode" | "same" | "names" | "limits" | "view"> {
  directory: string;
  cluster?: ClusterSettings;
  name: string;
  path: string;
}

const pool = new ThreadPool(import.meta.resolve("./import_worker.ts"), limits.import);

/** One file of the archive as it is read, and the rows of the data set; its pictures are tasks of their own. */
const MEMORY = 64 * 2 ** 20;

/** As `importArchive`; throws Overloaded while others are imported. */
export async function importInThread(
  store: Store,
  name: string,
  path: string,
  options: ImportOptions = {},
): Promise<ImportReport> {
  const { signal, onProgress, ...plain } = options;
  const { size } = await Deno.stat(path);
  const request: ImportRequest = {
    directory: store.directory,
    cluster: store.cluster?.settings,
    name,
    path,
    ...plain,
  };
  return await pool.run<ImportReport>(request, {
    memory: MEMORY,
    size: size / 1e6,
    signal,
    onProgress: (data) => onProgress?.(...data as [done: number, total: number]),
  });
}
