/** Imports in a thread of its own, so that the caller's thread goes on answering meanwhile. */
import { Conflict, InvalidInput, type Problem } from "@/lib/errors.ts";
import type { ImportOptions, ImportReport } from "./archive.ts";
import type { ArchiveLimits } from "./limits.ts";
import type { ViewFields } from "@/lib/images/view.ts";
import type { Store } from "@/lib/store/mod.ts";

export type ImportRequest =
  | {
    directory: string;
    name: string;
    path: string;
    dryRun?: boolean;
    limits?: Partial<ArchiveLimits>;
    view?: ViewFields;
  }
  | "abort";

export type ImportReply =
  | { progress: [done: number, total: number] }
  | { report: ImportReport }
  | { refused: { kind: "InvalidInput" | "Conflict"; message: string; problems: Problem[] } }
  | { failed: { message: string; code?: string } };

/** As `importArchive`. */
export async function importInThread(
  store: Store,
  name: string,
  path: string,
  options: ImportOptions = {},
): Promise<ImportReport> {
  const { signal, onProgress, ...plain } = options;
  signal?.throwIfAborted();
  const worker = new Worker(import.meta.resolve("./import_worker.ts"), { type: "module" });
  const abort = () => worker.postMessage("abort");
  signal?.addEventListener("abort", abort);
  try {
    return await new Promise<ImportReport>((resolve, reject) => {
      worker.onmessage = ({ data: reply }: MessageEvent<ImportReply>) => {
        if ("progress" in reply) onProgress?.(...reply.progress);
        else if ("report" in reply) resolve(reply.report);
        else if ("refused" in reply) {
          const { kind, message, problems } = reply.refused;
          reject(kind === "Conflict" ? new Conflict(message) : new InvalidInput(message, problems));
        } else reject(Object.assign(new Error(reply.failed.message), { code: reply.failed.code }));
      };
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(`Cannot import the archive: ${event.message}`));
      };
      const request: ImportRequest = { directory: store.directory, name, path, ...plain };
      worker.postMessage(request);
    });
  } finally {
    signal?.removeEventListener("abort", abort);
    worker.terminate();
  }
}
