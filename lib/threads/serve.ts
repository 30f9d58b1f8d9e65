/** The side of the thread: a module that calls `serveTasks` is what a `ThreadPool` starts. */
import { getPriority, setPriority } from "node:os";
import { workerData } from "node:worker_threads";
import { failureOf } from "./failure.ts";
import { outer } from "./outer.ts";
import type { FromThread, ToThread } from "./protocol.ts";

export interface TaskContext {
  /** The task is called off; it may have a moment to leave things in order, see `Limits.graceMs`. */
  signal: AbortSignal;
  /** Goes to the caller's `onProgress`. */
  progress(data: unknown): void;
}

/** After the thread that answers people, which asks for these tasks; Linux counts threads as it does processes. */
const NICENESS = 10;

/** A process that may not look at its priority has one of its own, or none to care for. */
function giveWay(): void {
  const may = (kind: "getPriority" | "setPriority") =>
    Deno.permissions.querySync({ name: "sys", kind }).state === "granted";
  if (Deno.build.os !== "linux" || !may("getPriority") || !may("setPriority")) return;
  if (getPriority() < NICENESS) setPriority(NICENESS);
}

/** Does one task after the other; `moved` names buffers of the result that move instead of being copied. */
export function serveTasks<Request, Result>(
  work: (request: Request, context: TaskContext) => Result | Promise<Result>,
  moved: (result: Result) => Transferable[] = () => [],
): void {
  const { port } = workerData as { port: MessagePort };
  giveWay();
  const send = (message: FromThread, transfer: Transferable[] = []) =>
    port.postMessage(message, transfer);
  let controller = new AbortController();
  outer.connect(send);

  async function run(request: Request): Promise<void> {
    controller = new AbortController();
    const progress = (data: unknown) => send({ progress: data });
    try {
      const result = await work(request, { signal: controller.signal, progress });
      const buffers = [...new Set(moved(result))];
      send({ outcome: { result, moved: buffers } }, buffers);
    } catch (error) {
      send({ outcome: { failure: failureOf(error) } });
    }
  }

  port.onmessage = ({ data }: MessageEvent<ToThread>) => {
    if ("task" in data) run(data.task as Request);
    else if ("abort" in data) controller.abort();
    else if ("ping" in data) send({ pong: true });
    else outer.settle(data.call, data.outcome);
  };
}
