/** Watches a thread at work: its processor time, and whether it is alive. */
import { InvalidInput } from "@/lib/errors.ts";
import { Crashed } from "./failure.ts";
import type { Thread } from "./thread.ts";

/** Time that a task may take, in multiples of its processor time, and ms beside: others run too, and disks are slow. */
const WALL_FACTOR = 20;
const WALL_MS = 60_000;
/** A thread that neither computes nor answers from one look to the next is dead, ms. */
const SILENT_MS = 5_000;
const LEAST_MS = 50;

export interface Watch {
  /** The thread has answered. */
  heard(): void;
  stop(): void;
}

/**
 * Calls `tooMuch` once when the thread has used `cpuMs` of processor time from now on (of time, where a
 * system does not tell a thread's), when the task goes on without computing, or when the thread is dead.
 * A thread without memory for its objects is: it ends without a word.
 */
export function watch(
  thread: Thread,
  { doing, cpuMs }: { doing: string; cpuMs: number },
  tooMuch: (error: Error) => void,
): Watch {
  const started = performance.now();
  const before = thread.cpu();
  let timer: ReturnType<typeof setTimeout>;
  let stopped = false;
  let silence = { since: started, cpu: -1, asked: false };
  const look = async () => {
    const [from, now] = await Promise.all([before, thread.cpu()]);
    if (stopped) return;
    const elapsed = performance.now() - started;
    const used = from === undefined || now === undefined ? elapsed : now - from;
    const seconds = (ms: number) => `${ms / 1000} s`;
    if (used >= cpuMs) {
      const what = from === undefined ? "" : " of processor time";
      return tooMuch(
        new InvalidInput(`Cannot ${doing}: it takes longer than ${seconds(cpuMs)}${what}`),
      );
    }
    const wallMs = WALL_MS + WALL_FACTOR * cpuMs;
    if (elapsed >= wallMs) {
      return tooMuch(new Crashed(`Cannot ${doing}: it is not done after ${seconds(wallMs)}`));
    }
    if (performance.now() - silence.since >= SILENT_MS) {
      if (silence.asked && now !== undefined && now === silence.cpu) {
        return tooMuch(new InvalidInput(`Cannot ${doing}: it takes too much memory`));
      }
      silence = { since: performance.now(), cpu: now ?? -1, asked: true };
      thread.send({ ping: true });
    }
    again(cpuMs - used);
  };
  const again = (ms: number) => {
    timer = setTimeout(look, Math.min(SILENT_MS, Math.max(LEAST_MS, ms)));
  };
  again(cpuMs);
  return {
    heard: () => silence.asked = false,
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
