/** The thread of `gaze_thread.ts`: opens the store beside its server and adds the gaze of one file. */
import { openStore } from "@/lib/store/mod.ts";
import { serveTasks } from "@/lib/threads/serve.ts";
import { addGaze } from "./gaze_file.ts";
import type { GazeRequest } from "./gaze_thread.ts";

serveTasks(async ({ directory, cluster, dataset, source, options }: GazeRequest) => {
  const store = await openStore(directory, { shared: true, cluster });
  try {
    return await addGaze(store, dataset, source, options);
  } finally {
    await store.close();
  }
});
