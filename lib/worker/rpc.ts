/** Calls between two processes or threads: requests with an id, replies, and notifications. */
import { Unavailable } from "@/lib/errors.ts";
import { errorOf, type Failure, failureOf } from "@/lib/threads/failure.ts";

export interface Message {
  /** Absent for a notification. */
  id?: number;
  method?: string;
  params?: unknown;
  result?: unknown;
  error?: Failure;
}

export type Handlers = Record<string, (params: never) => unknown>;

/** A message for another machine: of an error that it tells, where in the program it happened is nobody's there. */
export const abroad = (message: Message): Message =>
  message.error ? { ...message, error: { ...message.error, stack: undefined } } : message;

/** One end of a connection; `send` takes messages to the other end, `receive` gets those from it. */
export class Peer {
  #nextId = 1;
  #closed?: string;
  readonly #waiting = new Map<
    number,
    { resolve(result: unknown): void; reject(error: Error): void }
  >();

  constructor(readonly send: (message: Message) => void, readonly handlers: Handlers) {}

  /** Asks the other end; throws what its handler throws, and Unavailable once `close` was called. */
  call<T>(method: string, params: unknown): Promise<T> {
    if (this.#closed !== undefined) return Promise.reject(new Unavailable(this.#closed));
    const id = this.#nextId++;
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (result: unknown) => void, reject });
      this.send({ id, method, params });
    });
  }

  notify(method: string, params: unknown = null): void {
    if (this.#closed === undefined) this.send({ method, params });
  }

  /** Calls under way that wait for the other end. */
  get pending(): number {
    return this.#waiting.size;
  }

  /** Whether a message is a request that this end has a handler for. */
  answers({ method }: Message): boolean {
    return method !== undefined && Object.hasOwn(this.handlers, method);
  }

  async receive(message: Message): Promise<void> {
    if (message.method === undefined) return this.#settle(message);
    const handler = this.handlers[message.method];
    try {
      if (!handler) throw new Error(`Cannot answer "${message.method}": no such method`);
      const result = await handler(message.params as never);
      if (message.id !== undefined) this.send({ id: message.id, result: result ?? null });
    } catch (error) {
      if (message.id === undefined) throw error;
      this.send({ id: message.id, error: failureOf(error) });
    }
  }

  #settle({ id, result, error }: Message): void {
    const waiting = this.#waiting.get(id!);
    this.#waiting.delete(id!);
    if (error) waiting?.reject(errorOf(error));
    else waiting?.resolve(result);
  }

  /** Fails all that waits, and all later calls, with this message. */
  close(message: string): void {
    this.#closed = message;
    for (const { reject } of this.#waiting.values()) reject(new Unavailable(message));
    this.#waiting.clear();
  }
}

/** Messages of a stream of JSON lines; `other` gets lines that are none (a driver's own words). */
export async function* messages(
  stream: ReadableStream<Uint8Array>,
  other: (line: string) => void,
): AsyncGenerator<Message> {
  // Parts of a long line are joined once: appending would copy it again with every chunk.
  let parts: string[] = [];
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    const lines = chunk.split("\n");
    for (let i = 0; i < lines.length; i++) {
      parts.push(lines[i]);
      if (i === lines.length - 1) break;
      const line = parts.join("");
      parts = [];
      if (line.startsWith("{")) yield JSON.parse(line);
      else if (line !== "") other(line);
    }
  }
}
