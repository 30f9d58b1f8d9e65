/** A whole cluster on this machine: PostgreSQL, a bucket, two servers, workers that are linked to them. */
import { fileURLToPath } from "node:url";
// The store loads it by a name that is no literal.
import "@/cluster/mod.ts";
import { readCluster } from "@/lib/cluster_settings.ts";
import { codeVersion } from "@/lib/config.ts";
import { newJob } from "@/lib/jobs/queue.ts";
import { checkout } from "@/lib/launcher.ts";
import { type JobRow, openStore, type Store } from "@/lib/store/mod.ts";
import { type Child, startChild } from "@/tests/support/child.ts";
import { startPostgres, type TestPostgres } from "@/tests/support/postgres.ts";
import { clusterEnvironment, startS3rver } from "@/tests/support/s3_servers.ts";
import { startServer, type TestServer, until } from "@/tests/support/server.ts";

const at = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

export interface BenchCluster {
  postgres: TestPostgres;
  servers: TestServer[];
  store: Store;
  workers: string[];
  /** The process of a worker. */
  worker(name: string): Child;
  startWorker(name: string): void;
  /** It stays away until it is started again. */
  killWorker(name: string): Promise<void>;
  /** A job that counts to `to`, a step each `ms`, with a checkpoint every ten. */
  count(to: number, ms: number): Promise<string>;
  /** The jobs, asked for again while the database is away. */
  jobs(ids: string[]): Promise<JobRow[]>;
  /** Waits until all have ended. */
  ended(ids: string[], ms: number): Promise<JobRow[]>;
  /** Who is linked where, and what each worker said last. */
  told(): Promise<string>;
  stop(): Promise<void>;
}

export async function startCluster(
  { workers: number }: { workers: number },
): Promise<BenchCluster> {
  const folder = Deno.makeTempDirSync({ prefix: "mcgip_bench_" });
  const [postgres, s3] = [await startPostgres(), await startS3rver()];
  const env = clusterEnvironment(s3, await postgres.database(), { MCGIP_WORKERS: "0" });
  const servers = [
    await startServer({ data: `${folder}/a`, env }),
    await startServer({ data: `${folder}/b`, env }),
  ];
  const store = await openStore(`${folder}/bench`, {
    shared: true,
    cluster: readCluster((name) => env[name]),
  });
  const { key } = await servers[0].json<{ key: string }>("POST", "/v1/keys", {
    name: "bench",
    scopes: ["work"],
  });
  const apis = servers.map(({ url }) => url).join(",");
  const running = new Map<string, Child>();
  /** As its launcher does: one that ended by itself is started again. */
  const reviving = setInterval(() => {
    for (const [name, child] of running) {
      if (!child.ended() || stopped.has(name)) continue;
      console.log(`${name} ended by itself:\n${child.log().slice(-500)}`);
      cluster.startWorker(name);
    }
  }, 500);
  const stopped = new Set<string>();
  const workers = Array.from({ length: number }, (_, i) => `w${i + 1}`);
  const cluster: BenchCluster = {
    ...{ postgres, servers, store, workers },
    worker: (name) => running.get(name)!,
    async killWorker(name) {
      stopped.add(name);
      await running.get(name)!.stop("SIGKILL");
    },
    startWorker(name) {
      stopped.delete(name);
      const args = [
        ...["run", "-A", "--no-check", "--quiet", `--config=${at("tests/deno.json")}`],
        ...[at("tests/support/worker.ts"), `${folder}/${name}`, name, "elsewhere", apis, key],
        codeVersion(checkout()),
      ];
      running.set(name, startChild(Deno.execPath(), args, { stdin: true }));
    },
    count: async (to, ms) => (await store.jobs.insert(newJob("count", { to, ms }))).id,
    async jobs(ids) {
      for (;;) {
        try {
          return await store.jobs.getAll(ids);
        } catch (error) {
          if ((error as Error).name !== "Unavailable") throw error;
          await new Promise((resolve) => setTimeout(resolve, 200));
        }
      }
    },
    async ended(ids, ms) {
      let jobs: JobRow[] = [];
      const open = () => jobs.filter(({ state }) => ["queued", "running"].includes(state));
      await until(
        async () => {
          jobs = await cluster.jobs(ids);
          return open().length === 0;
        },
        ms,
        () => `${JSON.stringify(open())}\n${servers.map((server) => server.log()).join("\n")}`,
      );
      return jobs;
    },
    async told() {
      const lists = await Promise.all(
        servers.map((server) => server.json("GET", "/v1/workers").catch((error) => error.message)),
      );
      const said = [...running].map(([name, child]) => `${name}: ${child.log().slice(-600)}`);
      return [...lists.map((list) => JSON.stringify(list)), ...said].join("\n");
    },
    async stop() {
      clearInterval(reviving);
      for (const child of running.values()) {
        child.kill("SIGCONT");
        await child.stop("SIGKILL");
      }
      for (const server of servers) await server.stop();
      await store.close();
      await s3.stop();
      await postgres.stop();
      Deno.removeSync(folder, { recursive: true });
    },
  };
  for (const name of workers) cluster.startWorker(name);
  await until(async () => await store.workers.count() === number, 180_000);
  // Whoever has just started is slower: a job for each.
  await cluster.ended(await Promise.all(workers.map(() => cluster.count(5, 100))), 60_000);
  return cluster;
}
