/** The worker's end of the thread that predicts: starts it for the first request, and again when it died. */
import { Unavailable } from "@/lib/errors.ts";
import { failureOf } from "@/lib/threads/failure.ts";
import type { PredictorStart } from "./predictor_thread.ts";
import { type Desk, deskHandlers } from "./desk.ts";
import { type Message, Peer } from "./rpc.ts";

/** What the thread answers. */
const methods = ["predict", "embed", "similarityMap", "saliencyMap"];

export interface PredictorLinkOptions {
  /** Module of the thread. */
  thread?: string;
  start: PredictorStart;
  /** What the thread asks. */
  desk: Desk;
  /** To whoever asked. */
  send(message: Message): void;
}

export class PredictorLink {
  /** Memory in buffers of the thread's device. */
  gpuBytes = 0;
  readonly #options: PredictorLinkOptions;
  #thread?: Worker;
  /** Ids of requests that wait for an answer. */
  readonly #waiting = new Set<number>();
  #heard = 0;

  constructor(options: PredictorLinkOptions) {
    this.#options = options;
  }

  answers({ method }: Message): boolean {
    return method !== undefined && methods.includes(method);
  }

  /** Passes a request on. */
  receive(message: Message): void {
    this.#thread ??= this.#spawn();
    if (this.#waiting.size === 0) this.#heard = performance.now();
    if (message.id !== undefined) this.#waiting.add(message.id);
    this.#thread.postMessage(message);
  }

  /** For how long nothing was heard of the thread while somebody waits for it, ms. */
  get unansweredMs(): number {
    return this.#waiting.size === 0 ? 0 : performance.now() - this.#heard;
  }

  close(): void {
    this.#thread?.terminate();
  }

  #spawn(): Worker {
    const { start, send, desk, thread = import.meta.resolve("./predictor_thread.ts") } =
      this.#options;
    const worker = new Worker(thread, { type: "module", name: "predictor" });
    const asked = new Peer((message) => worker.postMessage(message), deskHandlers(desk));
    worker.onmessage = ({ data: message }: MessageEvent<Message>) => {
      this.#heard = performance.now();
      if (message.method === "gpu_bytes") {
        this.gpuBytes = message.params as number;
        return;
      }
      if (asked.answers(message)) return void asked.receive(message);
      this.#waiting.delete(message.id!);
      send(message);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      console.error(`The predictions' thread died: ${event.message}`);
      worker.terminate();
      this.#thread = undefined;
      this.gpuBytes = 0;
      const error = failureOf(
        new Unavailable(
          "Cannot predict now: its thread died; it starts again with the next request",
        ),
      );
      for (const id of this.#waiting) send({ id, error });
      this.#waiting.clear();
    };
    worker.postMessage(start);
    return worker;
  }
}
