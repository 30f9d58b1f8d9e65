/** Tells those who wait for news of a job that there are some. */

export class JobNotifier {
  readonly #waiting = new Map<string, Set<() => void>>();

  /** @param tell passes news on to other servers */
  constructor(private readonly tell?: (job_id: string) => void) {}

  /** There is news of a job, which this server has seen first. */
  emit(job_id: string): void {
    this.heard(job_id);
    this.tell?.(job_id);
  }

  /** There is news of a job that another server has told; undefined: there may be news of any. */
  heard(job_id: string | undefined): void {
    const woken = job_id === undefined
      ? [...this.#waiting.values()].flatMap((set) => [...set])
      : this.#waiting.get(job_id) ?? [];
    for (const wake of woken) wake();
  }

  /** Resolves at the next news of the job, after `ms`, or when `signal` aborts. */
  wait(job_id: string, ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const set = this.#waiting.get(job_id) ?? new Set();
      this.#waiting.set(job_id, set);
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        set.delete(done);
        if (set.size === 0) this.#waiting.delete(job_id);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener("abort", done);
      set.add(done);
    });
  }
}
