/**
 * All workers that a server has: its own, those on other machines that are linked to it, and those that it knows by
 * the database alone. The latter take its jobs and can be asked nothing: they work on its data directory, or are of
 * other servers of the cluster.
 */
import { unquoted } from "@/lib/log.ts";
import { createHash } from "node:crypto";
import { Conflict, Unavailable } from "@/lib/errors.ts";
import { RemoteWorker, type RemoteWorkerOptions } from "./remote_worker.ts";
import type { Device } from "./session.ts";
import { isNameOfOwn, type Supervisor } from "./supervisor.ts";
import type { Store } from "@/lib/store/mod.ts";
import { LEASE_MS } from "@/lib/store/lease.ts";
import type { WorkerRow } from "@/lib/store/workers.ts";

/** How often links are looked at, ms. */
const CHECK_MS = 2_000;
/** One that was refused is told of for so long, ms; it asks again every ten seconds. */
const REFUSED_MS = 30_000;
/** A worker whose link is gone for so long, ms, is forgotten; its lease has ended long before. */
const FORGOTTEN_MS = 600_000;

export type RemoteOptions = Omit<RemoteWorkerOptions, "name" | "key_id" | "desk"> & {
  store: Store;
  desk(name: string): RemoteWorkerOptions["desk"];
};

export class Workers {
  readonly #remote = new Map<string, RemoteWorker>();
  readonly #unlinked = new Map<RemoteWorker, number>();
  readonly #timer: ReturnType<typeof setInterval>;
  /** As the database had them when it was asked last. */
  #listed: WorkerRow[] = [];
  #listedAt = -Infinity;
  #listing?: Promise<void>;

  constructor(readonly local: Supervisor, readonly options: RemoteOptions) {
    this.#timer = setInterval(() => this.#check(), CHECK_MS);
  }

  /** Those elsewhere that are linked, by name. */
  get remote(): RemoteWorker[] {
    return [...this.#remote.values()].filter(({ linked }) => linked)
      .sort((a, b) => a.name < b.name ? -1 : 1);
  }

  /** Those elsewhere that may not link, and say why. */
  get refused(): RemoteWorker[] {
    return [...this.#remote.values()].filter(({ linked, refused }) =>
      !linked && refused && performance.now() - refused.time < REFUSED_MS
    );
  }

  /** Those that only the database tells of, by name. */
  get listed(): WorkerRow[] {
    // While the database is away nobody knows.
    if (performance.now() - this.#listedAt > LEASE_MS) return [];
    const near = new Set([this.local.name, ...this.remote.map(({ name }) => name)]);
    return this.#listed.filter(({ name }) => !near.has(name));
  }

  /** The same, of now; while the database is away those of the last time, for a while. */
  async list(): Promise<WorkerRow[]> {
    try {
      await this.#refresh();
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
    }
    return this.listed;
  }

  async #refresh(): Promise<void> {
    this.#listing ??= this.options.store.workers.list().then((rows) => {
      this.#listed = rows;
      // One that takes its jobs from another server was given its number there.
      for (const { name, label } of rows) {
        const worker = this.#remote.get(name);
        if (worker?.side && label !== null) worker.label = label;
      }
      this.#listedAt = performance.now();
    }).finally(() => this.#listing = undefined);
    await this.#listing;
  }

  /** True while any of them has a GPU and beats. */
  get ready(): boolean {
    return this.local.ready || this.remote.some(({ ready }) => ready) || this.listed.some(hasGpu);
  }

  /** Why nobody can be asked for what needs a GPU; jobs may be done all the same. */
  unavailable(): string | undefined {
    const reason = this.local.unavailable();
    if (reason === undefined || this.remote.some(({ ready }) => ready)) return undefined;
    const others = this.listed.filter(hasGpu);
    if (others.length === 0) return reason;
    const names = [...new Set(others.map(({ label, name }) => label ?? name))];
    return `${reason}. ${
      others.length === 1 ? "One works" : `${others.length} work`
    } on its jobs (${
      names.slice(0, 5).join(", ")
    }), and cannot be asked from here: only a worker that the server starts itself (--workers 1), or ` +
      "one whose MCGIP_API names this server, too, answers predictions";
  }

  /** Of the server's own worker, or of the first elsewhere where that has none. */
  get device(): Device | undefined {
    const { device } = this.local;
    if (device?.gpu) return device;
    return this.remote.find(({ ready }) => ready)?.device ??
      this.listed.find(hasGpu)?.device as Device | undefined ?? device;
  }

  /**
   * Asks the server's own worker, or without it one elsewhere: requests about a model go to the same one, which has
   * loaded it.
   * @throws {Unavailable} without any, and what the worker throws
   */
  async call<T>(method: string, params: unknown): Promise<T> {
    if (this.local.unavailable() === undefined) return await this.local.call<T>(method, params);
    const model = (params as { model?: unknown } | null)?.model;
    const chosen = this.remote.filter(({ ready }) => ready)
      .map((worker) => ({ worker, weight: weight(`${worker.name} ${model}`) }))
      .sort((a, b) => a.weight < b.weight ? -1 : 1)[0]?.worker;
    if (!chosen) throw new Unavailable(this.unavailable()!);
    return await chosen.call<T>(method, params);
  }

  /** Tells all of them. */
  notify(method: string, params: unknown = null): void {
    this.local.notify(method, params);
    for (const worker of this.remote) worker.notify(method, params);
  }

  /**
   * The worker of this name, which may link now.
   * @param key that it comes with; null without keys
   * @throws {Conflict} for the name of a server's own worker, of one that works on the same database, and of one that
   *   came with another key, here or at another server
   */
  async join(
    name: string,
    key: { id: string; name: string } | null,
  ): Promise<RemoteWorker> {
    const key_id = key?.id ?? null;
    const refuse = (reason: string) => new Conflict(`Cannot link worker "${name}": ${reason}`);
    if (isNameOfOwn(name) || name === this.local.name) {
      throw refuse("names like this are those of servers' own workers; give it another");
    }
    const desk = this.options.desk(name);
    if (!await desk.store.workers.take(name, key_id)) {
      throw refuse("one of this name works with another key, or without one; give it another name");
    }
    const known = this.#remote.get(name);
    if (known && known.key_id !== key_id) throw refuse("one of this name came with another key");
    const worker = known ?? new RemoteWorker({ ...this.options, name, key_id, desk });
    worker.key_name = key?.name ?? null;
    this.#remote.set(name, worker);
    return worker;
  }

  /** @throws {Unavailable} unless a worker of this name is linked here now, with this key: elsewhere it may have another job */
  get(name: string, key_id: string | null): RemoteWorker {
    const worker = this.#remote.get(name);
    if (worker?.heard && worker.key_id === key_id) return worker;
    throw new Unavailable(`Cannot find worker "${name}" among those that are linked with this key`);
  }

  #check(): void {
    // While the database is away everything else says so.
    this.#refresh().catch(() => {});
    const now = performance.now();
    for (const [name, worker] of this.#remote) {
      worker.check().catch((error) => {
        // While the database is away nobody knows of keys.
        if (error instanceof Unavailable) return;
        this.options.log(`worker ${name}: ${unquoted(error.message)}`);
      });
      if (worker.linked) this.#unlinked.delete(worker);
      else if (now - (this.#unlinked.get(worker) ?? now) > FORGOTTEN_MS) {
        this.#remote.delete(name);
        this.#unlinked.delete(worker);
        worker.forget().catch((error) =>
          this.options.log(`worker ${name}: ${unquoted(error.message)}`)
        );
      } else if (!this.#unlinked.has(worker)) this.#unlinked.set(worker, now);
    }
  }

  stop(): void {
    clearInterval(this.#timer);
    for (const worker of this.#remote.values()) worker.cutOff("the server leaves");
  }
}

/** Where many rank the workers by it for a model, a worker that goes moves its models alone (rendezvous hashing). */
const weight = (text: string) => createHash("sha256").update(text).digest("hex");

const hasGpu = ({ device }: WorkerRow) => device?.gpu != null;
