/** The thread of `gaze_thread.ts`: opens the store beside its server and adds the gaze of one file. */
import { openStore } from "@/lib/store/mod.ts";
import { serveTasks } from "@/lib/threads/serve.ts";
import { addGaze } from "./gaze_file.ts";
import type { GazeRequest } from "./gaze_thread.ts";

serveTasks(async ({ directory, cluster, dataset, bytes, options }: GazeRequest) => {
  const store = await openStore(directory, { shared: true, cluster });
  try {
    // Given back at once, whoever still knows them: what comes next takes as much.
    return await addGaze(store, dataset, bytes, options, () => bytes.buffer.transfer(0));
  } finally {
    await store.close();
  }
});
