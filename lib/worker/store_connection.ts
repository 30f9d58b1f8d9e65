/** What joins a worker process that no server started to the store, which it opens itself. */
import type { ClusterSettings } from "@/lib/cluster_settings.ts";
import { type Log, unquoted } from "@/lib/log.ts";
import { WAITS } from "@/lib/store/claims.ts";
import { HOLD_MS } from "@/lib/store/lease.ts";
import { openStore } from "@/lib/store/mod.ts";
import { SILENT_MS } from "./beat.ts";
import type { Connection } from "./connection.ts";
import { StoreDesk } from "./store_desk.ts";

export interface StoreOptions {
  cluster?: ClusterSettings;
  /** A job waits. */
  wake(): void;
  log: Log;
}

/** The store of a worker that no server started: its desk, and its beats. */
export async function connectionToStore(
  data: string,
  name: string,
  { cluster, wake, log }: StoreOptions,
): Promise<Connection> {
  const store = await openStore(data, { shared: true, cluster });
  const desk = new StoreDesk(store, name, () => {}, log);
  // What a process of this name ran that has died.
  await desk.left({ blameless: false });
  store.cluster?.listen(WAITS, wake);
  let held = -Infinity;
  return {
    desk,
    send: () => {},
    reachable: () => true,
    async beat({ job, silent_ms }) {
      // Nobody else ends a worker that hangs: its launcher starts it again.
      if (job !== null && silent_ms > SILENT_MS) Deno.exit(70);
      if (performance.now() - held < HOLD_MS) return;
      held = performance.now();
      try {
        await store.workers.hold(name);
        await desk.hold();
      } catch (error) {
        // The next one may come through, long before the lease ends.
        log(`Cannot prolong the lease of this worker: ${unquoted((error as Error).message)}`);
      }
    },
    async end() {
      await store.workers.remove(name);
      await store.close();
    },
  };
}
