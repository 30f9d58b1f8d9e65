/** The two databases that a server may stand on, for what is measured on both. */
import { readCluster } from "@/lib/cluster_settings.ts";
import { openStore, type Store } from "@/lib/store/mod.ts";
import { startPostgres } from "@/tests/support/postgres.ts";
import { clusterEnvironment, startS3rver } from "@/tests/support/s3_servers.ts";
import { startServer, type TestServer } from "@/tests/support/server.ts";
// The store loads it by a name that is no literal.
import "@/cluster/mod.ts";
import type { Row } from "../reliability/row.ts";

export interface Stack {
  name: "SQLite" | "PostgreSQL";
  /** A folder of its own. */
  folder: string;
  /** Of the servers on it. */
  env: Record<string, string>;
}

/** Runs `body` with both; PostgreSQL has an S3 server beside it. All is gone afterwards. */
export async function withStacks<T>(body: (stacks: Stack[]) => Promise<T>): Promise<T> {
  const folder = Deno.makeTempDirSync({ prefix: "mcgip_bench_" });
  const [postgres, s3] = [await startPostgres(), await startS3rver()];
  try {
    return await body([
      { name: "SQLite", folder: `${folder}/sqlite`, env: {} },
      {
        name: "PostgreSQL",
        folder: `${folder}/postgres`,
        env: clusterEnvironment(s3, await postgres.database()),
      },
    ]);
  } finally {
    await s3.stop();
    await postgres.stop();
    Deno.removeSync(folder, { recursive: true });
  }
}

export interface Served {
  server: TestServer;
  /** The server's, opened beside it. */
  store: Store;
  /** With the scope `work`. */
  key: string;
}

/** Runs `body` with a server on a stack; it has no worker of its own unless `workers` says so. */
export async function withServed<T>(
  { folder, env }: Stack,
  body: (served: Served) => Promise<T>,
  workers = 0,
): Promise<T> {
  const settings = { ...env, MCGIP_WORKERS: String(workers) };
  const data = `${folder}/server`;
  const server = await startServer({ data, env: settings });
  const shared = readCluster((name) => env[name]);
  const store = await openStore(shared ? `${folder}/bench` : data, {
    shared: true,
    cluster: shared,
  });
  try {
    const { key } = await server.json<{ key: string }>("POST", "/v1/keys", {
      name: "bench",
      scopes: ["work"],
    });
    return await body({ server, store, key });
  } finally {
    await store.close();
    await server.stop();
  }
}

/** One row of each stack. */
export async function onEachStack(
  measure: (stack: Stack, served: Served) => Promise<Row>,
): Promise<Row[]> {
  return await withStacks(async (stacks) => {
    const rows: Row[] = [];
    for (const stack of stacks) {
      rows.push(await withServed(stack, (served) => measure(stack, served)));
    }
    return rows;
  });
}
