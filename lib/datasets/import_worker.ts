/** The thread of `import_thread.ts`: opens the store beside its server and runs one import. */
/// <reference lib="deno.worker" />
import { Conflict, InvalidInput } from "@/lib/errors.ts";
import { importArchive } from "./archive.ts";
import type { ImportReply, ImportRequest } from "./import_thread.ts";
import { openStore } from "@/lib/store/mod.ts";

const controller = new AbortController();
const answer = (reply: ImportReply) => self.postMessage(reply);

self.onmessage = async ({ data: request }: MessageEvent<ImportRequest>) => {
  if (request === "abort") {
    controller.abort();
    return;
  }
  const { directory, name, path, ...options } = request;
  try {
    const store = openStore(directory, { shared: true });
    try {
      const report = await importArchive(store, name, path, {
        ...options,
        signal: controller.signal,
        onProgress: (done, total) => answer({ progress: [done, total] }),
      });
      answer({ report });
    } finally {
      store.close();
    }
  } catch (error) {
    const { message, code } = error as Error & { code?: string };
    if (error instanceof InvalidInput) {
      answer({ refused: { kind: "InvalidInput", message, problems: error.problems } });
    } else if (error instanceof Conflict) {
      answer({ refused: { kind: "Conflict", message, problems: [] } });
    } else answer({ failed: { message, code } });
  }
};
