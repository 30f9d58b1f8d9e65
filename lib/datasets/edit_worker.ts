/** The thread of `edit_thread.ts`: opens the store beside its server and makes one change. */
import { openStore } from "@/lib/store/mod.ts";
import { serveTasks } from "@/lib/threads/serve.ts";
import { type LabelsReport, putLabelsHere, type Removed, removeRows } from "./edit.ts";
import type { EditRequest } from "./edit_thread.ts";

serveTasks(
  async ({ directory, cluster, dataset, edit }: EditRequest): Promise<LabelsReport | Removed> => {
    const store = await openStore(directory, { shared: true, cluster });
    try {
      if ("removal" in edit) return await removeRows(store, dataset);
      return await putLabelsHere(store, dataset, edit.labels, edit.file);
    } finally {
      await store.close();
    }
  },
);
