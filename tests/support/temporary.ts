/** Data directories for tests. */
import { type ClusterSettings, readCluster } from "@/lib/cluster_settings.ts";
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

/**
 * What `tests/cluster/stacks_test.ts` runs the other tests on: an empty schema and an empty prefix of the database and
 * the bucket that its environment names; undefined in every other run.
 */
export function emptyCluster(): ClusterSettings | undefined {
  if (!inCluster) return undefined;
  const cluster = readCluster((name) => Deno.env.get(name))!;
  const name = `t${crypto.randomUUID().replaceAll("-", "")}`;
  return {
    ...cluster,
    database: { ...cluster.database, schema: name },
    bucket: { ...cluster.bucket, prefix: `${name}/` },
  };
}

/** Whether this run is one on a database and a bucket; for tests of what only a directory has. */
export const inCluster = Deno.env.get("MCGIP_TESTS_IN_CLUSTER") !== undefined;

/** Runs `body` with a store in an empty directory. */
export async function withStore(body: (store: Store) => Promise<void> | void) {
  await withDirectory(async (directory) => {
    const store = await openStore(directory, { cluster: emptyCluster() });
    try {
      await body(store);
    } finally {
      await store.close();
    }
  });
}
