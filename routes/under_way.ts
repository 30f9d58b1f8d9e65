/** Requests that are being answered: a server that leaves lets them end. */
import type { Server } from "node:http";

export class UnderWay {
  #count = 0;
  #ended?: () => void;

  constructor(server: Pick<Server, "on">) {
    server.on("request", (_request, response) => {
      this.#count++;
      // Also where the client went before the answer was whole.
      response.once("close", () => {
        if (--this.#count === 0) this.#ended?.();
      });
    });
  }

  /** Resolves when all have been answered, or after so many ms. */
  async ended(ms: number): Promise<void> {
    if (this.#count === 0) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#ended = resolve;
      timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
  }
}
