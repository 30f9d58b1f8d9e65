/**
 * One thread. It is one of node:worker_threads and no web worker, as measured with Deno 2.9.6: of those
 * alone the processor time can be read from outside, and a bound on the heap ends the thread, where a
 * web worker takes the whole process with it at V8's own limit. Messages go over a port of their own:
 * `postMessage` of a node worker walks over every element of a typed array.
 */
import { Worker } from "node:worker_threads";
import type { FromThread, ToThread } from "./protocol.ts";

/** Newer than its types. */
type Measured = { cpuUsage?(): Promise<{ user: number; system: number }> };

/** Objects just made, MB: without a limit a thread has a hundred of them before it first collects garbage. */
const YOUNG_MB = 16;

export class Thread {
  readonly #worker: Worker;
  readonly #port: MessagePort;
  onMessage: (message: FromThread) => void = () => {};
  /** It ended, or an error in it was caught by nobody; the message says which. */
  onCrash: (why: string) => void = () => {};
  /** Ends it when it has been idle. */
  idleTimer?: ReturnType<typeof setTimeout>;

  constructor(module: string, heapMb: number) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#worker = new Worker(new URL(module), {
      workerData: { port: port2 },
      // deno-lint-ignore no-explicit-any -- a web port, which node's types do not know.
      transferList: [port2 as any],
      resourceLimits: { maxOldGenerationSizeMb: heapMb, maxYoungGenerationSizeMb: YOUNG_MB },
    });
    this.#port.onmessage = ({ data }: MessageEvent<FromThread>) => this.onMessage(data);
    this.#worker.on("error", (error: Error) => this.onCrash(error?.message ?? String(error)));
    this.#worker.on("exit", () => this.onCrash("its thread ended"));
  }

  /** Throws DataCloneError for what cannot be sent. */
  send(message: ToThread, transfer: Transferable[] = []): void {
    this.#port.postMessage(message, transfer);
  }

  /** Processor time so far, ms; undefined where the system does not tell. */
  async cpu(): Promise<number | undefined> {
    try {
      const used = await (this.#worker as Measured).cpuUsage?.();
      return used && (used.user + used.system) / 1000;
    } catch {
      return undefined;
    }
  }

  async end(): Promise<void> {
    clearTimeout(this.idleTimer);
    this.onMessage = this.onCrash = () => {};
    this.#port.close();
    await this.#worker.terminate();
  }
}
