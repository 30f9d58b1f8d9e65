/**
 * What faults come to: servers, three workers, the ways between them, and what all of it stands on. One worker is on the
 * store itself; two are linked to the servers, each by ways of its own, and have no store. In a cluster there are two
 * servers, and a database and a bucket which nobody reaches but by a way that can be in trouble.
 */
import { fileURLToPath } from "node:url";
import { readCluster } from "@/lib/cluster_settings.ts";
import { codeVersion } from "@/lib/config.ts";
import { checkout } from "@/lib/launcher.ts";
import { LEASE_MS } from "@/lib/store/lease.ts";
import { openStore, type Store } from "@/lib/store/mod.ts";
import { BucketProxy } from "../support/bucket_proxy.ts";
import { type Child, startChild } from "../support/child.ts";
import { pass } from "../support/passing.ts";
import { startPostgres, type TestPostgres } from "../support/postgres.ts";
import { clusterEnvironment, type S3Server, startS3rver } from "../support/s3_servers.ts";
import { startServer, type TestServer, until } from "../support/server.ts";
import { mountSmallDisk, unmountSmallDisk } from "../support/small_disk.ts";
import { TcpProxy } from "../support/tcp_proxy.ts";

const program = fileURLToPath(new URL("../support/worker.ts", import.meta.url));
const config = fileURLToPath(new URL("../deno.json", import.meta.url));

/** On the store itself; linked; linked, with a disk of its own. */
export const WORKERS = ["first", "second", "third"] as const;
export type WorkerName = (typeof WORKERS)[number];
/** MiB: a server's has a reserve of 16. */
const DISK_MIB = { server: 96, worker: 48 };

export const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export class World {
  readonly servers: TestServer[] = [];
  /** The tests' own: by no way that faults come to. */
  store!: Store;
  postgres?: TestPostgres;
  s3?: S3Server;
  bucket?: BucketProxy;
  /** Of each linked worker to each server. */
  readonly ways = new Map<WorkerName, TcpProxy[]>();
  /** File systems of their own, by whose they are; empty where none may be mounted here. */
  readonly disks = new Map<string, string>();
  readonly folder: string;
  readonly version = codeVersion(checkout());
  #env: Record<string, string> = {};
  #key = "";
  #open = false;
  readonly #workers = new Map<WorkerName, Child>();
  /** What those said that have ended. */
  #said = "";

  private constructor(readonly stack: "SQLite" | "PostgreSQL") {
    this.folder = Deno.makeTempDirSync({ prefix: "mcgip_chaos_" });
  }

  static async start(stack: World["stack"]): Promise<World> {
    const world = new World(stack);
    try {
      await world.#start();
      return world;
    } catch (error) {
      await world.stop();
      throw error;
    }
  }

  async #start(): Promise<void> {
    let direct: Record<string, string> = {};
    if (this.stack === "PostgreSQL") {
      this.postgres = await startPostgres();
      this.s3 = await startS3rver();
      this.bucket = await BucketProxy.start(this.s3.settings.endpoint);
      direct = clusterEnvironment(this.s3, await this.postgres.database());
      this.#env = { ...direct, AWS_ENDPOINT_URL_S3: this.bucket.endpoint };
    }
    const names = this.postgres ? ["a", "b"] : ["a"];
    for (const [name, size] of [[names.at(-1)!, DISK_MIB.server], ["third", DISK_MIB.worker]]) {
      const disk = mountSmallDisk(size as number);
      if (disk) this.disks.set(name as string, disk);
    }
    for (const name of names) {
      const env = { ...this.#env, MCGIP_WORKERS: "0" };
      this.servers.push(await startServer({ data: this.#dataOf(name), env }));
    }
    this.store = await openStore(this.#dataOf("a"), {
      shared: true,
      cluster: readCluster((name) => direct[name]),
    });
    this.#open = true;
    const request = { name: "gpu", scopes: ["work"] };
    const { key } = await this.servers[0].json<{ key: string }>("POST", "/v1/keys", request);
    this.#key = key;
    for (const name of WORKERS.slice(1)) {
      const ports = this.servers.map(({ url }) => Number(new URL(url).port));
      this.ways.set(name, await Promise.all(ports.map((port) => TcpProxy.start(port))));
    }
    for (const name of WORKERS) this.#startWorker(name);
    await until(async () => await this.store.workers.count() === 3, 90_000, () => this.log());
  }

  #dataOf(name: string): string {
    const disk = this.disks.get(name);
    return disk ? `${disk}/data` : `${this.folder}/${name}`;
  }

  #startWorker(name: WorkerName): void {
    const apis = this.ways.get(name)?.map(({ url }) => url).join(",");
    const place = apis
      ? [this.#dataOf(name), name, "elsewhere", apis, this.#key, this.version]
      : [this.#dataOf("a"), name, "alone"];
    const args = ["run", "-A", "--no-check", "--quiet", `--config=${config}`, program];
    const env = { ...this.#env, NO_COLOR: "1" };
    this.#workers.set(
      name,
      startChild(Deno.execPath(), [...args, ...place], { env, stdin: true }),
    );
  }

  async #again(name: WorkerName, child: Child): Promise<void> {
    await child.stop("SIGKILL");
    this.#said = (this.#said + said(name, child)).slice(-20_000);
    this.#startWorker(name);
  }

  async killWorker(name: WorkerName): Promise<void> {
    await this.#again(name, this.#workers.get(name)!);
  }

  signalWorker(name: WorkerName, signal: Deno.Signal): void {
    this.#workers.get(name)!.kill(signal);
  }

  /** Those that left by themselves come back, as their launcher would bring them. */
  async reviveWorkers(): Promise<void> {
    for (const [name, child] of this.#workers) if (child.ended()) await this.#again(name, child);
  }

  async stopWorkers(): Promise<void> {
    for (const child of this.#workers.values()) child.kill("SIGCONT");
    await Promise.all([...this.#workers.values()].map((child) => child.stop("SIGKILL")));
  }

  /** Ends all that uses the store, servers in order; `stop` does the rest. */
  async leave(): Promise<void> {
    await this.stopWorkers();
    await Promise.all(this.servers.map((server) => server.stop()));
    // Until then what lies about may be theirs.
    await pass(this.store, LEASE_MS);
    await this.#closeStore();
  }

  async #closeStore(): Promise<void> {
    if (this.#open) await this.store.close();
    this.#open = false;
  }

  /** What servers and workers said last. */
  log(): string {
    return [
      ...this.servers.map((server, i) => `server ${i}:\n${server.log().slice(-6_000)}`),
      this.#said,
      ...[...this.#workers].map(([name, child]) => said(name, child)),
    ].join("\n");
  }

  /** Ends and removes all of it, whatever of that fails. */
  async stop(): Promise<void> {
    const ends = [
      () => this.stopWorkers(),
      () => this.#closeStore(),
      ...this.servers.map((server) => async () => {
        const { api } = server.children();
        if (api !== undefined) signal(api, "SIGCONT");
        await server.stop("SIGKILL");
      }),
      ...[...this.ways.values()].flat().map((way) => () => way.stop()),
      () => this.bucket?.stop(),
      () => this.s3?.stop(),
      () => this.postgres?.stop(),
      ...[...this.disks.values()].map((disk) => () => unmountSmallDisk(disk, { lazy: true })),
      () => Deno.removeSync(this.folder, { recursive: true }),
    ];
    const failed: unknown[] = [];
    for (const end of ends) {
      try {
        await end();
      } catch (error) {
        failed.push(error);
      }
    }
    if (failed.length > 0) throw failed[0];
  }
}

/** What a worker said that is no message to a server. */
const said = (name: string, child: Child) =>
  `${name}:\n${
    child.log().split("\n").filter((line) => !line.startsWith("{")).join("\n").slice(-6_000)
  }\n`;

/** One that ends at this very time is not signalled. */
export function signal(pid: number, name: Deno.Signal): void {
  try {
    Deno.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
