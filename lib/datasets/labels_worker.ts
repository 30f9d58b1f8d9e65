/** The thread of `labels_thread.ts`: opens the store beside its server and puts one table in. */
import { openStore } from "@/lib/store/mod.ts";
import { serveTasks } from "@/lib/threads/serve.ts";
import { putLabelsHere } from "./edit.ts";
import type { LabelsRequest } from "./labels_thread.ts";

serveTasks(async ({ directory, cluster, dataset, bytes, file }: LabelsRequest) => {
  const store = await openStore(directory, { shared: true, cluster });
  try {
    return await putLabelsHere(store, dataset, bytes, file);
  } finally {
    await store.close();
  }
});
