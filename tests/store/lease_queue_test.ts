import { openStore } from "@/lib/store/mod.ts";
import { queueContract } from "../support/queue_contract.ts";
import { withDirectory } from "../support/temporary.ts";

Deno.test("the queue of one machine, as three processes have it", async (t) => {
  await withDirectory(async (directory) => {
    const stores = [await openStore(directory)];
    for (let i = 0; i < 2; i++) stores.push(await openStore(directory, { shared: true }));
    try {
      await queueContract(stores, t);
    } finally {
      for (const store of stores.toReversed()) await store.close();
    }
  });
});
