/** Long work on a thread that answers others too: it stops now and then for a turn of the event loop. */
import { setImmediate } from "node:timers";

/** What others may have to wait, ms. */
const LONGEST_MS = 8;

export class Turns {
  #since = performance.now();

  /** Whether others have waited long enough. */
  get due(): boolean {
    return performance.now() - this.#since > LONGEST_MS;
  }

  /** Lets others have their turn where it is due. */
  async give(): Promise<void> {
    if (!this.due) return;
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#since = performance.now();
  }
}
