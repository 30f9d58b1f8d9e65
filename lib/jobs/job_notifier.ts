/** Tells those who wait for news of a job that there are some. */

export class JobNotifier {
  readonly #waiting = new Map<string, Set<() => void>>();

  emit(job_id: string): void {
    for (const wake of this.#waiting.get(job_id) ?? []) wake();
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
