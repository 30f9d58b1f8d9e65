/** The thread of `readings_thread.ts`: opens the store beside its server and puts one table in. */
import { openStore } from "@/lib/store/mod.ts";
import { serveTasks } from "@/lib/threads/serve.ts";
import { putReadingsOf, type ReadingsRequest } from "./readings_thread.ts";

serveTasks(async ({ directory, cluster, ...sent }: ReadingsRequest) => {
  const store = await openStore(directory, { shared: true, cluster });
  try {
    return await putReadingsOf(store, sent);
  } finally {
    await store.close();
  }
});
