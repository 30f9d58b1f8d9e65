/** Keeps studies going, as long as the server runs: it looks at them when something has happened, and each second. */
import { Unavailable } from "@/lib/errors.ts";
import { unquoted, withoutNames } from "@/lib/log.ts";
import type { Store } from "@/lib/store/mod.ts";
import { advanceStudies } from "./advance.ts";

/** How often it looks without being woken: a worker beside the server's own wakes nobody. */
const LOOK_MS = 1000;

export interface StudyKeeperOptions {
  store: Store;
  /** These jobs have changed, and new ones may be among them. */
  changed(job_ids: string[]): void;
  log(text: string): void;
}

export class StudyKeeper {
  #leaving = false;
  #wake = Promise.withResolvers<void>();
  #loop?: Promise<void>;

  constructor(private readonly options: StudyKeeperOptions) {}

  start(): void {
    this.#loop = this.#run();
  }

  /** A job has ended, or was asked for. */
  wake(): void {
    this.#wake.resolve();
  }

  async stop(): Promise<void> {
    this.#leaving = true;
    this.wake();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { store, changed, log } = this.options;
    // What goes on being wrong is told once.
    let told: string | undefined;
    while (!this.#leaving) {
      let advanced: string[] = [];
      try {
        advanced = await advanceStudies(store);
        if (told !== undefined) log("studies: they go on");
        told = undefined;
      } catch (error) {
        const why = error instanceof Unavailable ? unquoted(error.message) : withoutNames(error);
        if (why !== told) log(`studies: ${why}`);
        told = why;
      }
      if (advanced.length > 0) changed(advanced);
      await this.#pause(advanced.length > 0 ? 0 : LOOK_MS);
    }
  }

  async #pause(ms: number): Promise<void> {
    const timer = setTimeout(() => this.wake(), ms);
    await this.#wake.promise;
    clearTimeout(timer);
    this.#wake = Promise.withResolvers();
  }
}
