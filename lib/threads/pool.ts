/**
 * The one way off the main thread: a pool does tasks of one module in threads of its own, within limits
 * of threads, waiting, processor time and memory, and each task can be called off.
 *
 * Comlink 4 was tried and left: it gives remote calls, but no limit, no abort and no class of an error,
 * and it wants web workers, whose processor time nobody can read (see `thread.ts`).
 */
import { Overloaded } from "@/lib/errors.ts";
import { admission, type Applicant } from "./admission.ts";
import { Crashed, errorOf, failureOf } from "./failure.ts";
import type { Limits } from "./limits.ts";
import { outer } from "./outer.ts";
import type { Call, FromThread, Outcome } from "./protocol.ts";
import { Thread } from "./thread.ts";
import { watch } from "./watch.ts";

export interface TaskOptions {
  /** Bytes that the task needs beside its heap: buffers and what it decodes into. Estimated, above 0. */
  memory?: number;
  /** In units of the limits: more of it may take more processor time. */
  size?: number;
  /** Buffers that move to the thread. */
  transfer?: Transferable[];
  /** Calls the task off; it rejects with the signal's reason. */
  signal?: AbortSignal;
  onProgress?(data: unknown): void;
}

type Sent = { result: unknown; moved: Transferable[] };
interface Task extends TaskOptions {
  request: unknown;
  memory: number;
  size: number;
  /** Asked for by another task: waits as long as that one may take. */
  inner: boolean;
}

/** Of this process, by their modules: threads ask for them. */
const pools = new Map<string, ThreadPool>();

export class ThreadPool {
  readonly #idle: Thread[] = [];
  #busy = 0;
  #waiting = 0;

  /** `module` calls `serveTasks`. */
  constructor(readonly module: string, readonly limits: Limits) {
    if (!pools.has(module)) pools.set(module, this);
  }

  /**
   * Does one task. Throws what the task throws, the domain's errors whole; Overloaded when too many wait
   * or this one has waited too long; InvalidInput when it takes too much time or memory; Crashed when its
   * thread ends; the signal's reason.
   */
  async run<Result>(request: unknown, options: TaskOptions = {}): Promise<Result> {
    const { memory = 0, size = 0, transfer: moved = [], signal } = options;
    signal?.throwIfAborted();
    const { module, limits } = this;
    if (outer.here) {
      return await outer.ask({ module, limits, request, memory, size, moved }, signal) as Result;
    }
    return (await this.#do({ ...options, request, memory, size, inner: false })).result as Result;
  }

  /** Ends threads that have nothing to do. */
  async close(): Promise<void> {
    await Promise.all(this.#idle.splice(0).map((thread) => thread.end()));
  }

  /** What the pools of this process do now, by the names of their modules. */
  static loads(): { name: string; busy: number; waiting: number }[] {
    return [...pools].map(([module, pool]) => ({
      name: module.replace(/.*\//, "").replace(/(_worker)?\.ts$/, ""),
      busy: pool.#busy,
      waiting: pool.#waiting,
    }));
  }

  /** The same for all pools. */
  static async closeAll(): Promise<void> {
    await Promise.all([...pools.values()].map((pool) => pool.close()));
  }

  async #do(task: Task): Promise<Sent> {
    const place = await this.#enter(task);
    const thread = this.#idle.pop() ?? new Thread(this.module, this.limits.heapMb);
    clearTimeout(thread.idleTimer);
    let whole = false;
    try {
      const outcome = await this.#ask(thread, task);
      whole = true;
      if ("calledOff" in outcome) throw outcome.calledOff;
      if ("failure" in outcome) throw errorOf(outcome.failure);
      return outcome;
    } finally {
      this.#busy--;
      this.#free(thread, whole);
      admission.leave(place);
    }
  }

  /** Waits for a thread and for memory. */
  async #enter({ memory, signal, inner }: Task): Promise<Applicant> {
    const { threads, waiting, waitMs, retrySeconds, doing } = this.limits;
    const refusal = (why: string) => new Overloaded(`Cannot ${doing} now: ${why}`, retrySeconds);
    // Tasks of tasks leave one thread to others: an import does not keep a single picture waiting.
    const most = inner ? Math.max(1, threads - 1) : threads;
    let started = false, waits = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let abort: (() => void) | undefined;
    try {
      return await new Promise<Applicant>((resolve, reject) => {
        const place: Applicant = {
          memory,
          parent: this.limits.delegates,
          ready: () => this.#busy < most,
          start: () => {
            this.#busy++;
            if (waits) this.#waiting--;
            started = true;
            resolve(place);
          },
        };
        const giveUp = (error: unknown) => {
          if (started) return;
          this.#waiting--;
          admission.withdraw(place);
          reject(error);
        };
        admission.enter(place, doing);
        if (started) return;
        waits = true;
        this.#waiting++;
        abort = () => giveUp(signal!.reason);
        signal?.addEventListener("abort", abort);
        if (inner) return;
        if (this.#waiting > waiting) return giveUp(refusal("too many are under way or wait"));
        timer = setTimeout(() => giveUp(refusal(`it waited ${waitMs / 1000} s`)), waitMs);
      });
    } finally {
      clearTimeout(timer);
      if (abort) signal?.removeEventListener("abort", abort);
    }
  }

  /** The thread's answer; rejects when the thread is of no more use. */
  #ask(thread: Thread, task: Task): Promise<Outcome | { calledOff: unknown }> {
    const { request, signal, size, transfer = [], onProgress } = task;
    const { doing, cpuMs, cpuMsPerUnit, graceMs } = this.limits;
    const calls = new Calls(thread);
    let grace: ReturnType<typeof setTimeout> | undefined;
    let settled = false;
    let ending: { error: unknown } | undefined;
    return new Promise((resolve, reject) => {
      const settle = (then: () => void) => {
        if (settled) return;
        settled = true;
        clearTimeout(grace);
        watching.stop();
        calls.close();
        signal?.removeEventListener("abort", abort);
        thread.onMessage = () => {};
        thread.onCrash = () => {};
        then();
      };
      const giveUp = (error: unknown) => {
        if (ending) return;
        ending = { error };
        calls.abort();
        if (graceMs === 0) return settle(() => reject(error));
        thread.send({ abort: true });
        grace = setTimeout(() => settle(() => reject(error)), graceMs);
      };
      const abort = () => giveUp(signal!.reason);
      const watching = watch(thread, { doing, cpuMs: cpuMs + cpuMsPerUnit * size }, giveUp);
      thread.onCrash = (why) =>
        settle(() => reject(ending?.error ?? new Crashed(`Cannot ${doing}: ${why}`)));
      thread.onMessage = (message) => {
        watching.heard();
        if ("progress" in message) onProgress?.(message.progress);
        else if ("asks" in message) calls.start(message);
        else if ("drop" in message) calls.drop(message.drop);
        else if ("outcome" in message) {
          const { outcome } = message;
          settle(() => resolve(ending ? { calledOff: ending.error } : outcome));
        }
      };
      signal?.addEventListener("abort", abort);
      try {
        thread.send({ task: request }, transfer);
      } catch (error) {
        settle(() => reject(error));
      }
    });
  }

  /** Keeps a thread that is whole, or ends it: after the reply, as that can take a moment. */
  #free(thread: Thread, whole: boolean): void {
    const { idleMs } = this.limits;
    const end = () => {
      const at = this.#idle.indexOf(thread);
      if (at >= 0) this.#idle.splice(at, 1);
      thread.end();
    };
    if (whole && idleMs > 0) {
      this.#idle.push(thread);
      thread.onCrash = end;
    }
    thread.idleTimer = setTimeout(end, whole ? idleMs : 0);
  }

  /** A task that a thread asked for. */
  static async inner(call: Call, signal: AbortSignal): Promise<Sent> {
    const { module, limits, request, memory, size, moved } = call;
    const pool = pools.get(module) ?? new ThreadPool(module, limits);
    return await pool.#do({ request, memory, size, transfer: moved, signal, inner: true });
  }
}

/** Tasks that a thread at work has asked for; they end with it. */
class Calls {
  readonly #open = new Map<number, AbortController>();

  constructor(readonly thread: Thread) {}

  async start({ call, asks }: Extract<FromThread, { asks: Call }>): Promise<void> {
    const controller = new AbortController();
    this.#open.set(call, controller);
    let outcome: Outcome;
    try {
      outcome = await ThreadPool.inner(asks, controller.signal);
    } catch (error) {
      outcome = { failure: failureOf(error) };
    }
    if (!this.#open.delete(call)) return;
    this.thread.send({ call, outcome }, "moved" in outcome ? outcome.moved : []);
  }

  drop(call: number): void {
    this.#open.get(call)?.abort();
  }

  abort(): void {
    for (const controller of this.#open.values()) controller.abort();
  }

  /** Nobody waits for them any more. */
  close(): void {
    this.abort();
    this.#open.clear();
  }
}
