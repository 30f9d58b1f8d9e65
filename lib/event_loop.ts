/** How long the event loop of a process was kept from its work: while it is, nobody is answered. */

const TICK_MS = 20;
const SECOND_MS = 1000;
const SECONDS = 60;

/** Watches the loop of this thread from its making on; the timer keeps no process alive. */
export class EventLoopWatch {
  /** The longest of each of the last seconds, ms. */
  readonly #longest: number[] = [0];
  #begun = performance.now();
  #last = performance.now();
  readonly #timer: ReturnType<typeof setInterval>;

  constructor() {
    this.#timer = setInterval(() => this.#tick(performance.now()), TICK_MS);
    Deno.unrefTimer(this.#timer as unknown as number);
  }

  #tick(now: number): void {
    const late = Math.max(0, now - this.#last - TICK_MS);
    this.#last = now;
    const latest = this.#longest.length - 1;
    this.#longest[latest] = Math.max(this.#longest[latest], late);
    if (now - this.#begun < SECOND_MS) return;
    this.#begun = now;
    this.#longest.push(0);
    if (this.#longest.length > SECONDS) this.#longest.shift();
  }

  /** The longest time in about the last minute that the loop was late, s. */
  longest(): number {
    // What blocks until now counts too.
    this.#tick(performance.now());
    return Math.max(...this.#longest) / 1000;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
