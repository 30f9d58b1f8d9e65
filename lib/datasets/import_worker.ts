/** The thread of `import_thread.ts`: opens the store beside its server and runs one import. */
import { openStore } from "@/lib/store/mod.ts";
import { serveTasks } from "@/lib/threads/serve.ts";
import { importArchive } from "./archive.ts";
import type { ImportRequest } from "./import_thread.ts";

serveTasks(
  async ({ directory, cluster, name, path, ...options }: ImportRequest, { signal, progress }) => {
    const store = await openStore(directory, { shared: true, cluster });
    try {
      const onProgress = (done: number, total: number) => progress([done, total]);
      return await importArchive(store, name, path, { ...options, signal, onProgress });
    } finally {
      await store.close();
    }
  },
);
