/** Gives up a request on which nothing has moved for a while: a network that only drops packets says nothing. */
import { Unavailable } from "./errors.ts";

export class Stall implements Disposable {
  readonly #controller = new AbortController();
  #timer?: ReturnType<typeof setTimeout>;

  /** @param ms without a `restart` after which the signal aborts, with {Unavailable} */
  constructor(readonly ms: number) {
    this.restart();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Something has moved. */
  restart(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () =>
        this.#controller.abort(
          new Unavailable(`Cannot reach the server: nothing came for ${this.ms / 1000} s`),
        ),
      this.ms,
    );
  }

  /** The same bytes; each piece is a restart. */
  watched(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
    return body.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform: (piece, controller) => {
          this.restart();
          controller.enqueue(piece);
        },
      }),
    );
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
