/** Where the checkpoints of a job lie, and what names their claim. */
import type { Store } from "@/lib/store/mod.ts";

/** Names the claim under which the checkpoints beside it were written; only servers with a bucket have it. */
export const fenceFile = (store: Pick<Store, "checkpoints">, id: string) =>
  `${store.checkpoints(id)}.fence`;

export function removeCheckpoints(store: Pick<Store, "checkpoints">, id: string): void {
  for (const path of [store.checkpoints(id), fenceFile(store, id)]) {
    try {
      Deno.removeSync(path, { recursive: true });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}
