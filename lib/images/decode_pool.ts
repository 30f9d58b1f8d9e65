/**
 * Decoding away from the caller's thread: bytes from outside get a thread that is ended when it
 * takes too long or runs out of memory.
 */
import { InvalidInput } from "@/lib/errors.ts";
import type { ImageHeader, Raster } from "./raster.ts";
import type { ViewOptions } from "./view.ts";

export type { ImageHeader };

export interface DecodeRequest {
  bytes: Uint8Array<ArrayBuffer>;
  /** What is sent back: the header always, the pixels or a PNG of them on demand. */
  want: "header" | "raster" | "png";
  /** Width and height to resize to. */
  size?: [number, number];
  /** What of it is shown, and how. */
  view?: ViewOptions;
}

export interface DecodeReply {
  header?: ImageHeader;
  bytes?: Uint8Array<ArrayBuffer>;
  raster?: Raster;
  png?: Uint8Array<ArrayBuffer>;
  refused?: string;
  failed?: string;
}

export interface DecodePoolOptions {
  /** Threads at most; pictures beyond them wait. */
  threads?: number;
  /** Time for one picture. */
  timeoutMs?: number;
  /** A thread that has been idle this long is ended. */
  idleMs?: number;
}

interface Thread {
  worker: Worker;
  idleTimer?: ReturnType<typeof setTimeout>;
}

export class DecodePool {
  readonly #options: Required<DecodePoolOptions>;
  readonly #idle: Thread[] = [];
  readonly #waiting: (() => void)[] = [];
  #busy = 0;

  constructor(options: DecodePoolOptions = {}) {
    this.#options = { threads: 1, timeoutMs: 10_000, idleMs: 5_000, ...options };
  }

  get threads(): number {
    return this.#options.threads;
  }

  /**
   * Decodes completely, and answers with the header. The bytes themselves move to the thread and
   * back, so that large pictures are not copied: use the returned ones. Throws InvalidInput.
   */
  async check(
    bytes: Uint8Array<ArrayBuffer>,
  ): Promise<{ header: ImageHeader; bytes: Uint8Array<ArrayBuffer> }> {
    const whole = bytes.length === bytes.buffer.byteLength ? bytes : bytes.slice();
    const reply = await this.#run({ bytes: whole, want: "header" });
    return { header: reply.header!, bytes: reply.bytes! };
  }

  /** Throws InvalidInput. `size` = [width, height] resizes. */
  async decode(
    bytes: Uint8Array<ArrayBuffer>,
    options: Pick<DecodeRequest, "size" | "view"> = {},
  ): Promise<Raster> {
    return (await this.open(bytes, options)).raster;
  }

  /** The same, with what the picture was before it was resized. Throws InvalidInput. */
  async open(
    bytes: Uint8Array<ArrayBuffer>,
    options: Pick<DecodeRequest, "size" | "view"> = {},
  ): Promise<{ raster: Raster; header: ImageHeader }> {
    const reply = await this.#run({ bytes, want: "raster", ...options });
    return { raster: reply.raster!, header: reply.header! };
  }

  /** Any picture as PNG. Throws InvalidInput. */
  async toPng(
    bytes: Uint8Array<ArrayBuffer>,
    options: Pick<DecodeRequest, "size" | "view"> = {},
  ): Promise<{ png: Uint8Array<ArrayBuffer>; header: ImageHeader }> {
    const reply = await this.#run({ bytes, want: "png", ...options });
    return { png: reply.png!, header: reply.header! };
  }

  async #run(request: DecodeRequest): Promise<DecodeReply> {
    if (this.#busy >= this.#options.threads) {
      // Whoever finishes hands its place over, so the count stays.
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else this.#busy++;
    try {
      return await this.#ask(request);
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#busy--;
    }
  }

  async #ask(request: DecodeRequest): Promise<DecodeReply> {
    const thread = this.#idle.pop() ??
      { worker: new Worker(import.meta.resolve("./decode_worker.ts"), { type: "module" }) };
    clearTimeout(thread.idleTimer);
    const { worker } = thread;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let answer: DecodeReply;
    try {
      const reply = await new Promise<DecodeReply>((resolve, reject) => {
        timer = setTimeout(() => {
          const seconds = this.#options.timeoutMs / 1000;
          reject(
            new InvalidInput(`Cannot decode the picture: it takes longer than ${seconds} s`),
          );
        }, this.#options.timeoutMs);
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = (event) => {
          event.preventDefault();
          reject(new InvalidInput("Cannot decode the picture: the decoder died"));
        };
        const moved = request.want === "header" ? [request.bytes.buffer] : [];
        worker.postMessage(request, moved);
      });
      if (reply.failed !== undefined) throw new Error(`Cannot decode the picture: ${reply.failed}`);
      thread.idleTimer = setTimeout(() => this.#end(thread), this.#options.idleMs);
      this.#idle.push(thread);
      answer = reply;
    } catch (error) {
      worker.terminate();
      throw error;
    } finally {
      clearTimeout(timer);
    }
    if (answer.refused !== undefined) throw new InvalidInput(answer.refused);
    return answer;
  }

  #end(thread: Thread): void {
    const at = this.#idle.indexOf(thread);
    if (at >= 0) this.#idle.splice(at, 1);
    thread.worker.terminate();
  }

  /** Ends idle threads. */
  close(): void {
    for (const thread of this.#idle.splice(0)) {
      clearTimeout(thread.idleTimer);
      thread.worker.terminate();
    }
  }
}

/** The process's own pool. */
export const decodePool = new DecodePool();
