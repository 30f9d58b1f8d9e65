/** Data directories for tests. */
import { openStore, type Store } from "@/lib/store/mod.ts";

/** Runs `body` with an empty directory that is removed afterwards. */
export async function withDirectory(body: (directory: string) => Promise<void> | void) {
  const directory = Deno.makeTempDirSync({ prefix: "mcgip_test_" });
  try {
    await body(directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

/** Runs `body` with a store in an empty directory. */
export async function withStore(body: (store: Store) => Promise<void> | void) {
  await withDirectory(async (directory) => {
    const store = await openStore(directory);
    try {
      await body(store);
    } finally {
      await store.close();
    }
  });
}
