/** A thread for tests of pools: does what it is told. */
import process from "node:process";
import { Conflict, InvalidInput, NotFound, Overloaded, Unavailable } from "@/lib/errors.ts";
import { limits } from "@/lib/threads/limits.ts";
import { ThreadPool } from "@/lib/threads/pool.ts";
import { serveTasks } from "@/lib/threads/serve.ts";

export interface TestTask {
  /** Waits without computing, with its thread free or held, and computes, ms. */
  idle?: number;
  blocked?: number;
  busy?: number;
  throws?: "NotFound" | "Conflict" | "InvalidInput" | "Overloaded" | "Unavailable" | "ENOSPC";
  numbers?: Float32Array<ArrayBuffer>;
  /** Ends in a way that no answer comes of. */
  crash?: "error" | "rejection" | "exit" | "memory";
  /** Waits until it is called off, then leaves this in order: `path` is written. */
  untilAborted?: string;
  progress?: number;
  /** Has another task done, in a thread of the same pool's kind. */
  asks?: TestTask;
}

const errors = {
  NotFound: () => new NotFound("Cannot find it"),
  Conflict: () => new Conflict("Cannot change it"),
  InvalidInput: () => new InvalidInput("Cannot use this", [{ message: "here", line: 3 }]),
  Overloaded: () => new Overloaded("Cannot do it now", 7),
  Unavailable: () => new Unavailable("Cannot do it here"),
  ENOSPC: () => Object.assign(new Error("no room"), { code: "ENOSPC" }),
};

function compute(ms: number): void {
  const used = () => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  };
  const from = used();
  while (used() - from < ms);
}

const never = () => new Promise<never>(() => {});

function crash(how: NonNullable<TestTask["crash"]>): Promise<never> {
  if (how === "exit") Deno.exit(3);
  if (how === "error") setTimeout(() => nobodyCatches(), 0);
  if (how === "rejection") Promise.reject(new Error("nobody catches this"));
  const kept: number[][] = [];
  while (how === "memory") kept.push(Array.from({ length: 1000 }, Math.random));
  return never();
}

function nobodyCatches(): never {
  throw new Error("nobody catches this");
}

serveTasks(async (task: TestTask, { signal, progress }) => {
  for (let i = 0; i < (task.progress ?? 0); i++) progress(i);
  if (task.idle) await new Promise((resolve) => setTimeout(resolve, task.idle));
  if (task.blocked) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, task.blocked);
  }
  if (task.busy) compute(task.busy);
  if (task.crash) await crash(task.crash);
  if (task.untilAborted) {
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    Deno.writeTextFileSync(task.untilAborted, "in order");
    throw new Error("called off");
  }
  if (task.throws) throw errors[task.throws]();
  if (task.asks) {
    const inner = new ThreadPool(new URL("./inner_task_worker.ts", import.meta.url).href, {
      ...limits.picture,
      doing: "do the inner task",
    });
    return await inner.run<Float32Array<ArrayBuffer>>(task.asks, {
      memory: 1,
      transfer: task.asks.numbers ? [task.asks.numbers.buffer] : [],
    });
  }
  return task.numbers?.map((value) => 2 * value) ?? new Float32Array();
}, (result) => [result.buffer]);
