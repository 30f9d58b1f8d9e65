/**
 * Three workers, twelve jobs, and faults drawn by a seed: workers and servers that are killed or frozen, and, in a
 * cluster, a database that is killed. One worker is on the store itself, two are linked to the servers, which have
 * none of their own. Whatever came, every job has ended once, with every point of its series, and went on from a
 * checkpoint. `deno task test:chaos` has 200 rounds.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { readCluster } from "@/lib/cluster_settings.ts";
import { codeVersion } from "@/lib/config.ts";
import { newJob } from "@/lib/jobs/queue.ts";
import { checkout } from "@/lib/launcher.ts";
import { uniform } from "@/lib/random.ts";
import { openStore, type Store } from "@/lib/store/mod.ts";
import { type Child, startChild } from "../support/child.ts";
import { postgresTest, type TestPostgres } from "../support/postgres.ts";
import { clusterEnvironment, startS3rver } from "../support/s3_servers.ts";
import { startServer, type TestServer, until } from "../support/server.ts";
import { withDirectory } from "../support/temporary.ts";

const ROUNDS = Number(Deno.env.get("MCGIP_CHAOS_ROUNDS") ?? 20);
const SEED = Number(Deno.env.get("MCGIP_CHAOS_SEED") ?? 1);
const STEPS = 40;
const program = fileURLToPath(new URL("../support/worker.ts", import.meta.url));
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Starts workers, and each of them again when it has ended. */
class Workers {
  readonly #children = new Map<string, Child>();
  /** @param placeOf the arguments of a worker's program */
  constructor(
    readonly placeOf: (name: string) => string[],
    readonly env: Record<string, string>,
  ) {}

  start(name: string): void {
    const args = ["run", "-A", "--no-check", "--quiet", `--config=${config}`, program];
    this.#children.set(
      name,
      startChild(Deno.execPath(), [...args, ...this.placeOf(name)], {
        env: { ...this.env, NO_COLOR: "1" },
        stdin: true,
      }),
    );
  }

  async kill(name: string): Promise<void> {
    await this.#children.get(name)!.stop("SIGKILL");
    this.start(name);
  }

  async freeze(name: string, ms: number): Promise<void> {
    const child = this.#children.get(name)!;
    child.kill("SIGSTOP");
    await pause(ms);
    child.kill("SIGCONT");
  }

  /** Those that left by themselves come back, as their launcher would bring them. */
  async revive(): Promise<void> {
    for (const [name, child] of this.#children) {
      if (!child.ended()) continue;
      await child.stop();
      this.start(name);
    }
  }

  async stop(): Promise<void> {
    for (const child of this.#children.values()) child.kill("SIGCONT");
    await Promise.all([...this.#children.values()].map((child) => child.stop("SIGKILL")));
  }

  /** What they said that is no message to a server. */
  log = () =>
    [...this.#children].map(([name, child]) =>
      `${name}:\n${child.log().split("\n").filter((line) => !line.startsWith("{")).join("\n")}`
    ).join("\n");
}

const config = fileURLToPath(new URL("../deno.json", import.meta.url));
const names = ["first", "second", "third"];

interface Stack {
  folder: string;
  env: Record<string, string>;
  postgres?: TestPostgres;
}

async function chaos({ folder, env, postgres }: Stack): Promise<void> {
  const servers: TestServer[] = [];
  try {
    for (const name of postgres ? ["a", "b"] : ["a"]) {
      const data = `${folder}/${name}`;
      servers.push(await startServer({ data, env: { ...env, MCGIP_WORKERS: "0" } }));
    }
    const cluster = readCluster((name) => env[name]);
    const store = await openStore(`${folder}/a`, { shared: true, cluster });
    try {
      await rounds({ folder, env, postgres, servers, store });
    } finally {
      await store.close();
    }
  } finally {
    for (const server of servers) {
      const { api } = server.children();
      if (api !== undefined) Deno.kill(api, "SIGCONT");
      await server.stop("SIGKILL");
    }
  }
}

/** The process of a server that answers; its launcher starts it again when it ends. */
async function toServer(server: TestServer, signal: Deno.Signal): Promise<number | undefined> {
  // One that was killed just now is being started again.
  for (let tries = 0; tries < 100; tries++) {
    const { api } = server.children();
    if (api !== undefined) {
      Deno.kill(api, signal);
      return api;
    }
    await pause(100);
  }
}

async function rounds(
  { folder, env, postgres, servers, store }: Stack & { servers: TestServer[]; store: Store },
): Promise<void> {
  const { key } = await servers[0].json<{ key: string }>("POST", "/v1/keys", {
    name: "gpu",
    scopes: ["work"],
  });
  const apis = servers.map(({ url }) => url).join(",");
  const version = codeVersion(checkout());
  const workers = new Workers(
    (name) =>
      name === names[0]
        ? [`${folder}/a`, name, "alone"]
        : [`${folder}/${name}`, name, "elsewhere", apis, key, version],
    env,
  );
  const random = { at: 0 };
  const draw = (n: number) => Math.floor(uniform(SEED, random.at++) * n);
  const faults: Record<string, () => Promise<void>> = {
    "kill -9": () => workers.kill(names[draw(names.length)]),
    frozen: () => workers.freeze(names[draw(names.length)], 300 + draw(2_000)),
    "server killed": async () => void await toServer(servers[draw(servers.length)], "SIGKILL"),
    "server frozen": async () => {
      const api = await toServer(servers[draw(servers.length)], "SIGSTOP");
      await pause(300 + draw(4_000));
      if (api !== undefined) Deno.kill(api, "SIGCONT");
    },
  };
  if (postgres) {
    faults["database killed"] = async () => {
      postgres.kill("SIGKILL");
      await postgres.ended();
      await pause(draw(3_000));
      await postgres.start();
    };
  }
  const counts: Record<string, number> = {};
  const ids: string[] = [];
  const add = async () =>
    void ids.push((await store.jobs.insert(newJob("count", { to: STEPS, ms: 20 }))).id);
  try {
    for (const name of names) workers.start(name);
    await until(async () => await store.workers.count() === 3, 90_000, workers.log);
    for (let i = 0; i < 12; i++) await add();
    for (let round = 0; round < ROUNDS; round++) {
      const kinds = Object.keys(faults);
      const kind = kinds[draw(kinds.length)];
      counts[kind] = (counts[kind] ?? 0) + 1;
      await faults[kind]();
      await pause(200 + draw(1_500));
      await workers.revive();
      // So that there is work in every round.
      if (round % 2 === 0) await retried(add);
    }
    const open = async () =>
      (await Promise.all(ids.map(async (id) => await store.jobs.get(id))))
        .filter(({ state }) => state !== "succeeded");
    await until(
      async () => {
        await workers.revive();
        const left = await retried(open);
        const failed = left.find(({ state }) => state === "failed");
        if (failed) throw new Error(`${failed.id}: ${failed.error}\n${workers.log()}`);
        return left.length === 0;
      },
      180_000,
      async () => `${JSON.stringify(await open())}\n${workers.log()}`,
    );
    const runs = await assertWhole(store, ids);
    console.log(
      `${ROUNDS} rounds (${JSON.stringify(counts)}), ${ids.length} jobs, each ended once; ` +
        `${runs - ids.length} times one went on from its checkpoint`,
    );
  } finally {
    await workers.stop();
  }
}

/** While the database comes back. */
async function retried<T>(action: () => Promise<T>): Promise<T> {
  for (let tries = 0;; tries++) {
    try {
      return await action();
    } catch (error) {
      if ((error as Error).name !== "Unavailable" || tries === 20) throw error;
      await pause(500);
    }
  }
}

/** Looks at what the jobs have left; how often they were begun. */
async function assertWhole(store: Store, ids: string[]): Promise<number> {
  let runs = 0;
  for (const id of ids) {
    const job = await store.jobs.get(id);
    const points = await store.db.all<{ step: number; value: number }>(
      "SELECT step, value FROM metrics WHERE job_id = ? ORDER BY step",
      id,
    );
    assert.deepEqual(
      points.map(({ step, value }) => [step, value]),
      Array.from({ length: STEPS }, (_, i) => [i, i]),
      id,
    );
    const events = (await store.events.list(id, { limit: 1000 })).data;
    const ended = events.filter(({ type, data }) => type === "state" && data.state === "succeeded");
    assert.equal(ended.length, 1, `${id} has ended ${ended.length} times`);
    assert.deepEqual(events.map(({ id }) => id), events.map((_, i) => i + 1), "without gaps");
    const { starts } = job.result as { starts: number[] };
    assert.equal(starts[0], 0);
    assert.ok(starts.every((start, i) => start % 10 === 0 && start >= (starts[i - 1] ?? 0)));
    runs += starts.length;
  }
  return runs;
}

Deno.test("faults leave every job whole: SQLite", async () => {
  await withDirectory(async (folder) => await chaos({ folder, env: {} }));
});

postgresTest("faults leave every job whole: PostgreSQL", async (postgres) => {
  const s3 = await startS3rver();
  try {
    const env = clusterEnvironment(s3, await postgres.database());
    await withDirectory(async (folder) => await chaos({ folder, env, postgres }));
  } finally {
    await s3.stop();
  }
});
