/**
 * The server that is attacked: launcher, API and worker on a data directory, killed, signalled and started
 * again by role. It imports nothing of what it attacks, so that the benches may use it too.
 */
import { fileURLToPath } from "node:url";
import { launcherArguments } from "@/lib/launcher_permissions.ts";
import { withFolder } from "./scenario.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

export const roles = ["launcher", "api", "worker"] as const;
export type Role = typeof roles[number];

export interface VictimOptions {
  data: string;
  env?: Record<string, string>;
  args?: string[];
  /** What the command line begins with: `prlimit --nofile=256`. */
  prefix?: string[];
  /** A free one is chosen otherwise. */
  port?: number;
}

/** Bytes of the log that are kept. */
const LOG_KEPT = 400_000;

export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Waits until `test` holds; false when it does not within `ms`. */
export async function within(ms: number, test: () => boolean | Promise<boolean>): Promise<boolean> {
  const end = performance.now() + ms;
  while (!await test()) {
    if (performance.now() > end) return false;
    await pause(20);
  }
  return true;
}

export class Victim {
  readonly key = "attacked-key-0123456789abcdef";
  readonly data: string;
  readonly port: number;
  readonly url: string;
  readonly #options: VictimOptions;
  #child?: Deno.ChildProcess;
  #read: Promise<unknown> = Promise.resolve();
  #log = "";
  #over = true;

  private constructor(options: VictimOptions) {
    this.#options = options;
    this.data = options.data;
    this.port = options.port ?? freePort();
    this.url = `http://127.0.0.1:${this.port}`;
  }

  /** Starts one; resolves when its GPU worker answers too. */
  static async start(options: VictimOptions): Promise<Victim> {
    const victim = new Victim(options);
    await victim.start();
    if (await victim.ready(120_000)) return victim;
    await victim.end();
    throw new Error(`Cannot attack: the server is not ready\n${victim.log.slice(-3000)}`);
  }

  /** One that may refuse to start: whether it listens is up to the caller. */
  static async attempt(options: VictimOptions): Promise<Victim> {
    const victim = new Victim(options);
    await victim.start();
    return victim;
  }

  /** Starts the processes again, in a group of their own; resolves when it listens or has ended. */
  async start(): Promise<void> {
    const { data, env = {}, args = [], prefix = [] } = this.#options;
    const command = [...prefix, Deno.execPath(), ...launcherArguments, ...args];
    const child = this.#child = new Deno.Command("setsid", {
      args: command,
      cwd: root,
      env: {
        MCGIP_API_KEY: this.key,
        MCGIP_PORT: String(this.port),
        MCGIP_DATA: data,
        NO_COLOR: "1",
        ...env,
      },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#over = false;
    let listening = false;
    child.status.then(() => {
      if (this.#child === child) this.#over = true;
    });
    const keep = async (stream: ReadableStream<Uint8Array>) => {
      for await (const text of stream.pipeThrough(new TextDecoderStream())) {
        listening ||= text.includes("listens on");
        this.#log = (this.#log + text).slice(-LOG_KEPT);
      }
    };
    this.#read = Promise.all([keep(child.stdout), keep(child.stderr)]).catch(() => {});
    await within(60_000, () => this.#over || listening);
  }

  get log(): string {
    return this.#log;
  }

  /** Whether the launcher has ended. */
  get over(): boolean {
    return this.#over;
  }

  /** The process ids of those that are there, by /proc. */
  pids(): Partial<Record<Role, number>> {
    if (this.#over || !this.#child) return {};
    const launcher = this.#child.pid;
    const api = childOf(launcher);
    return { launcher, api, worker: api === undefined ? undefined : childOf(api) };
  }

  /** Sends a signal to one of the processes, or to all at the same time; those that it was sent to. */
  signal(who: Role | "all" | "group", signal: Deno.Signal = "SIGKILL"): number[] {
    const pids = this.pids();
    if (who === "group") {
      send(-pids.launcher!, signal);
      return Object.values(pids).filter((pid) => pid !== undefined);
    }
    const sent = (who === "all" ? roles : [who]).map((role) => pids[role]).filter((pid) =>
      pid !== undefined
    );
    for (const pid of sent) send(pid, signal);
    return sent;
  }

  /** Milliseconds until `/readyz` says yes; undefined when it does not within `ms`. */
  async ready(ms: number): Promise<number | undefined> {
    const started = performance.now();
    const yes = await within(ms, async () => this.#over || await this.#answers("/readyz"));
    return yes && !this.#over ? performance.now() - started : undefined;
  }

  async #answers(path: string): Promise<boolean> {
    try {
      const answer = await fetch(this.url + path, { signal: AbortSignal.timeout(5_000) });
      await answer.body?.cancel();
      return answer.ok;
    } catch {
      return false;
    }
  }

  /** A request with the key. */
  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { authorization: `Bearer ${this.key}`, ...init.headers };
    return fetch(this.url + path, { signal: AbortSignal.timeout(180_000), ...init, headers });
  }

  /** The JSON of an answer of status 2xx; others are errors. */
  async json<T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<T> {
    const answer = await this.fetch(path, { method, ...(body === undefined ? {} : asJson(body)) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text.slice(0, 500)}`);
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  /** Asks the launcher to leave and waits for the end of all three; ends them by force after `ms`. */
  async end(ms = 40_000): Promise<void> {
    const pids = Object.values(this.pids());
    if (!this.#over) send(this.#child!.pid, "SIGTERM");
    await this.gone(pids, ms);
  }

  /** The end of a power cut. */
  async cut(): Promise<void> {
    await this.gone(this.signal("all"), 20_000);
  }

  /** Waits for the end of these processes; what is left after `ms` is ended, and told. */
  async gone(pids: (number | undefined)[], ms: number): Promise<number[]> {
    const known = pids.filter((pid) => pid !== undefined);
    await within(ms, () => !known.some(alive));
    const left = known.filter(alive);
    for (const pid of left) send(pid, "SIGKILL");
    if (!known.includes(this.#child?.pid ?? -1)) return left;
    await this.#child?.status;
    // A worker that lives on holds the other end of its pipes.
    await Promise.race([this.#read, pause(1_000)]);
    return left;
  }

  /** Memory, open handles and the processor time of the main thread; undefined for one that is not there. */
  figures(role: Role): Figures | undefined {
    const pid = this.pids()[role];
    return pid === undefined ? undefined : figuresOf(pid);
  }
}

export interface Figures {
  /** Bytes. */
  resident: number;
  handles: number;
  /** ms of processor time: of the thread that the event loop runs on, and of all threads. */
  main_ms: number;
  all_ms: number;
}

/** By /proc; undefined for a process that has ended. */
export function figuresOf(pid: number): Figures | undefined {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    const [utime, stime] = stat.slice(stat.lastIndexOf(")") + 2).split(" ").slice(11, 13);
    return {
      resident: Number(/VmRSS:\s*(\d+)/.exec(status)?.[1] ?? 0) * 1024,
      handles: [...Deno.readDirSync(`/proc/${pid}/fd`)].length,
      main_ms: mainThreadMs(pid)!,
      // In ticks of 10 ms.
      all_ms: (Number(utime) + Number(stime)) * 10,
    };
  } catch {
    return undefined;
  }
}

/** Processor time of the thread that the event loop runs on, ms. */
export function mainThreadMs(pid: number): number | undefined {
  try {
    return Number(Deno.readTextFileSync(`/proc/${pid}/task/${pid}/schedstat`).split(" ")[0]) / 1e6;
  } catch {
    return undefined;
  }
}

export const asJson = (body: unknown): RequestInit => ({
  body: JSON.stringify(body),
  headers: { "content-type": "application/json" },
});

export function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}

/** Whether a process is there and has not ended. */
export function alive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(Deno.readTextFileSync(`/proc/${pid}/stat`));
  } catch {
    return false;
  }
}

function send(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch {
    // It has ended meanwhile.
  }
}

function childOf(parent: number): number | undefined {
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = Deno.readTextFileSync(`/proc/${name}/stat`);
      const [state, ppid] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (Number(ppid) === parent && state !== "Z") return Number(name);
    } catch {
      // It ended while we looked.
    }
  }
}

/** Runs `body` against a server over `data`. */
export async function attacked(
  data: string,
  body: (victim: Victim) => Promise<void>,
): Promise<void> {
  const victim = await Victim.start({ data });
  try {
    await body(victim);
  } finally {
    await victim.end();
  }
}

/** The same over an empty directory, which is gone afterwards. */
export async function withVictim(body: (victim: Victim) => Promise<void>): Promise<void> {
  await withFolder((data) => attacked(data, body));
}
