/** Keeps one worker process alive: starts it, listens to its heart, starts it again. */
import { Unavailable } from "@/lib/errors.ts";
import { type Log, unquoted } from "@/lib/log.ts";
import { now } from "@/lib/store/mod.ts";
import type { WorkerAbout } from "@/lib/store/workers.ts";
import { HOLD_MS } from "@/lib/store/lease.ts";
import { type Beat, SILENT_MS } from "./beat.ts";
import { messages, Peer } from "./rpc.ts";
import { type Device, shortOf } from "./session.ts";
import { deskHandlers } from "./desk.ts";
import type { StoreDesk } from "./store_desk.ts";

/** Back-off between two starts, ms: doubles from the first to the last value. */
const BACKOFF = [250, 2_000];
/** After so many starts in a row that did not last, the pause between two is this, ms. */
const HOPELESS = { starts: 20, pause: 10_000 };
/** A worker that lived this long was healthy: the back-off starts over. */
const HEALTHY_MS = 20_000;
/** Without a heartbeat for this long the process is taken for dead (its start included). */
const BEATLESS_MS = 15_000;
/** These come from a person or from the system, and say nothing of the job. */
const FROM_OUTSIDE = ["SIGTERM", "SIGINT", "SIGHUP"];

export interface SupervisorOptions {
  /** Program and arguments of the worker; its name comes after them. */
  command: { path: string; args: string[] };
  /** The desk of the worker of this name. */
  desk(name: string): StoreDesk;
  /** What people call the worker. */
  label?: string;
  /** Of the program. */
  version?: string;
  /** Whether another commit is checked out than runs: no worker of it is started, the launcher starts all again. */
  isStale?(): boolean;
  log: Log;
}

const nameOfOwn = () => `server-${crypto.randomUUID()}`;
/** Whether a name is one that servers give to their own workers, this one or another on the same database. */
export const isNameOfOwn = (name: string) =>
  /^server-[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(name);

export class Supervisor {
  /** Of the worker, whichever process that is. */
  readonly name = nameOfOwn();
  /** Undefined until the worker has said. */
  device?: Device;
  /** The last heartbeat and when it came, by a clock that nobody sets. */
  beat?: Beat & { time: number };
  /** When its process was started; null before. */
  since: string | null = null;
  /** Times that a worker ended without being asked to. */
  restarts = 0;
  #started = false;
  /** As the others of the cluster call it. */
  #label?: string;
  readonly #options: SupervisorOptions;
  readonly #desk: StoreDesk;
  #process?: Deno.ChildProcess;
  /** Resolves when the process has ended, and what it ran is free. */
  #ended?: Promise<void>;
  #peer?: Peer;
  #leaving = false;
  #delay = BACKOFF[0];
  /** When the lease was prolonged last. */
  #held = 0;
  /** Starts in a row that did not last. */
  #failures = 0;
  #timer?: ReturnType<typeof setTimeout>;
  #watch?: ReturnType<typeof setInterval>;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#desk = options.desk(this.name);
    this.#desk.asking = { label: this.label, version: options.version };
  }

  /** What people call the worker. */
  get label(): string {
    return this.#label ?? this.#options.label ?? "server";
  }

  /** True while a worker with a GPU beats. */
  get ready(): boolean {
    return this.beat !== undefined && this.device?.gpu != null && !this.#leaving;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Whether the server has a worker of its own. */
  get started(): boolean {
    return this.#started;
  }

  start(): void {
    this.#started = true;
    this.#watch = setInterval(() => this.#check(), 1000);
    this.#spawn();
  }

  /** Asks the worker; throws what its handler throws, and Unavailable when it is away or dies. */
  call<T>(method: string, params: unknown): Promise<T> {
    const reason = this.unavailable();
    if (reason) return Promise.reject(new Unavailable(reason));
    return this.#peer!.call<T>(method, params);
  }

  notify(method: string, params: unknown = null): void {
    this.#peer?.notify(method, params);
  }

  /** Why GPU work cannot be done now. */
  unavailable(): string | undefined {
    if (this.#leaving) return "Cannot use the GPU: the server is leaving";
    if (!this.#started) {
      return "Cannot use the GPU: the server has no worker of its own, and no other one is linked to it";
    }
    if (!this.#peer || !this.device) return "Cannot use the GPU: its worker is starting";
    return this.device.gpu === null ? this.device.hint : undefined;
  }

  #spawn(): void {
    if (this.#options.isStale?.()) {
      this.#timer = setTimeout(() => this.#spawn(), BACKOFF[1]);
      return;
    }
    const { path, args } = this.#options.command;
    const started = performance.now();
    const child = this.#process = new Deno.Command(path, {
      args: [...args, this.name],
      // The worker has no use for the key, and its environment can be read by others of the user.
      env: { MCGIP_API_KEY: "" },
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#held = started;
    this.since = now();
    const idle = { job: null, training: null, gpu_bytes: 0 };
    this.beat = { ...idle, silent_ms: 0, unanswered_ms: 0, rss: 0, time: started };
    const peer = this.#peer = this.#connect(child);
    this.#ended = child.status.then(async ({ code, signal }) => {
      peer.close("Cannot use the GPU: its worker died; it is being started again");
      this.#peer = undefined;
      this.#process = undefined;
      this.device = undefined;
      this.beat = undefined;
      const blameless = this.#leaving || (signal !== null && FROM_OUTSIDE.includes(signal));
      const reason = this.#leaving
        ? "its server left"
        : blameless
        ? "its worker was ended from outside"
        : "its worker died";
      try {
        await this.#desk.left({ blameless, reason });
        const { cluster, workers } = this.#desk.store;
        if (this.#leaving && cluster) await workers.remove(this.name);
      } catch (error) {
        // Its lease ends by itself.
        this.#options.log(`Cannot free what the worker ran: ${unquoted((error as Error).message)}`);
      }
      if (this.#leaving) return;
      this.restarts++;
      if (performance.now() - started > HEALTHY_MS) {
        this.#failures = 0;
        this.#delay = BACKOFF[0];
      }
      const delay = ++this.#failures > HOPELESS.starts ? HOPELESS.pause : this.#delay;
      this.#options.log(`worker ended (${signal ?? code}); next start in ${delay} ms`);
      this.#timer = setTimeout(() => this.#spawn(), delay);
      this.#delay = Math.min(this.#delay * 2, BACKOFF[1]);
    });
  }

  #connect(child: Deno.ChildProcess): Peer {
    const encoder = new TextEncoder();
    const writer = child.stdin.getWriter();
    const peer = new Peer(
      // A write to a process that just died fails here and is told by its status.
      (message) =>
        void writer.write(encoder.encode(JSON.stringify(message) + "\n")).catch(() => {}),
      {
        beat: (beat: Beat) => {
          const time = performance.now();
          this.beat = { ...beat, time };
          if (time - this.#held < HOLD_MS) return;
          this.#held = time;
          this.#desk.hold(this.#about(beat)).then(
            (label) => this.#label = label,
            (error) =>
              this.#options.log(
                `Cannot prolong the lease of the worker: ${unquoted(error.message)}`,
              ),
          );
        },
        device: (device: Device) => {
          this.device = device;
          // With the next beat the others hear of it.
          this.#held = -Infinity;
          this.#options.log(device.gpu ? describeDevice(device) : device.hint!);
        },
        ...deskHandlers(this.#desk),
      },
    );
    (async () => {
      for await (const message of messages(child.stdout, this.#options.log)) peer.receive(message);
    })();
    return peer;
  }

  /** For the other servers of a cluster; on one machine there is nobody to be told. */
  #about({ rss, gpu_bytes }: Beat): WorkerAbout | undefined {
    if (!this.#desk.store.cluster) return undefined;
    return {
      label: this.#options.label ?? "server",
      ...{ version: this.#options.version ?? "", place: "server" },
      ...{ device: shortOf(this.device), memory: rss, gpu_memory: gpu_bytes },
    };
  }

  #check(): void {
    const { beat } = this;
    if (!beat || !this.#process) return;
    const beatless = performance.now() - beat.time > BEATLESS_MS;
    const stuck = (beat.job !== null && beat.silent_ms > SILENT_MS) ||
      beat.unanswered_ms > SILENT_MS;
    if (!beatless && !stuck) return;
    this.#options.log(
      `worker ${beatless ? "has no heartbeat" : "waits too long for the GPU"}: ended`,
    );
    this.#kill("SIGKILL");
  }

  #kill(signal: Deno.Signal): void {
    try {
      this.#process?.kill(signal);
    } catch {
      // It has ended meanwhile.
    }
  }

  /** Lets the worker save and leave; ends it after `ms`. */
  async stop(ms: number): Promise<void> {
    this.#leaving = true;
    clearTimeout(this.#timer);
    clearInterval(this.#watch);
    const process = this.#process;
    if (!process) return;
    this.#peer?.notify("leave");
    const timer = setTimeout(() => this.#kill("SIGKILL"), ms);
    await this.#ended;
    clearTimeout(timer);
  }
}

/** What was taken, and what speaks against it. */
function describeDevice({ gpu, backend }: Device): string {
  const untested = backend !== undefined && !["vulkan", "metal", "dx12"].includes(backend);
  return [
    `GPU: ${gpu!.description}${backend ? ` by ${backend}` : ""}`,
    ...(gpu!.software ? ["it computes on the processor, slowly"] : []),
    ...(untested ? ["the kernels are not tested there (DENO_WEBGPU_BACKEND chose it)"] : []),
  ].join("; ");
}
