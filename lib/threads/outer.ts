/** In a thread: the way to the pools of the process. Threads start no threads; they ask for tasks. */
import { errorOf } from "./failure.ts";
import type { Call, FromThread, Outcome } from "./protocol.ts";

type Send = (message: FromThread, transfer: Transferable[]) => void;

let send: Send | undefined;
let next = 1;
const open = new Map<number, (outcome: Outcome) => void>();

export const outer = {
  /** Whether this is a thread of a pool. */
  get here(): boolean {
    return send !== undefined;
  },

  connect(to: Send): void {
    send = to;
  },

  /** Has the process do a task. Throws what it throws. */
  async ask(call: Call, signal?: AbortSignal): Promise<unknown> {
    const id = next++;
    const drop = () => send!({ drop: id }, []);
    const outcome = await new Promise<Outcome>((resolve, reject) => {
      open.set(id, resolve);
      try {
        send!({ call: id, asks: call }, call.moved);
        signal?.addEventListener("abort", drop);
      } catch (error) {
        reject(error);
      }
    }).finally(() => {
      open.delete(id);
      signal?.removeEventListener("abort", drop);
    });
    if ("failure" in outcome) throw errorOf(outcome.failure);
    return outcome.result;
  },

  settle(id: number, outcome: Outcome): void {
    open.get(id)?.(outcome);
  },
};
