/** The desk of a worker, by the store itself. */
import { type Log, unquoted } from "@/lib/log.ts";
import { type Claim, hasWork, keepNews, keepOutcome, type News } from "@/lib/jobs/outcome.ts";
import { ClaimLost } from "@/lib/errors.ts";
import type { Outcome } from "@/lib/specs/job_context.ts";
import { goOnWithRoom } from "@/lib/jobs/lost_jobs.ts";
import type { JobRow, Store } from "@/lib/store/mod.ts";
import type { WorkerAbout } from "@/lib/store/workers.ts";
import { questions } from "@/lib/store/worker_store.ts";
import type { Desk } from "./desk.ts";
import { SharedCheckpoints } from "./shared_checkpoints.ts";
import { toAnswer } from "./answer.ts";
import { pagedQuestions } from "./asking_store.ts";

/** What is known of a worker when it asks for a job. */
export interface Asking {
  /** What people call it. */
  label?: string;
  /** Of its program. */
  version?: string;
  /** Whether jobs of another version are never for it. */
  strict?: boolean;
}

export class StoreDesk implements Desk {
  /** Set as soon as the worker has said. */
  asking: Asking = {};
  /** Whether another commit is checked out than runs: no job is begun then, all will be started again. */
  isStale: () => boolean = () => false;
  /** The last lost claim of a worker that lives. */
  #acquitted?: string;
  /** Where checkpoints are kept beside this machine. */
  readonly checkpoints?: SharedCheckpoints;

  /**
   * @param name of the worker
   * @param changed a job's row, events or metrics have changed; `ended`: it does not run any more
   */
  constructor(
    readonly store: Store,
    readonly name: string,
    private readonly changed: (job_id: string, ended: boolean) => void = () => {},
    private readonly log: Log = (text) => console.error(text),
  ) {
    if (store.cluster) this.checkpoints = new SharedCheckpoints(store, log);
  }

  /**
   * The worker lives: what it runs stays its own.
   * @param about what others are to know of it; without it they are not told
   * @returns what it is called among them
   */
  async hold(about?: WorkerAbout): Promise<string | undefined> {
    const label = about && await this.store.workers.hold(this.name, about) || undefined;
    if (label !== undefined) this.asking = { ...this.asking, label };
    await this.store.jobs.hold(this.name);
    return label;
  }

  /**
   * It has ended.
   * @param how.blameless not by what it was doing
   * @param how.reason told with the attempt that this ends
   */
  async left(how: { blameless: boolean; reason?: string }): Promise<void> {
    await this.store.jobs.release(this.name, how);
  }

  /** A claim of this worker, which lives, was lost. */
  async acquit({ id, fence }: Claim): Promise<void> {
    const claim = `${id} ${fence}`;
    if (this.#acquitted === claim) return;
    this.#acquitted = claim;
    await this.store.jobs.acquit({ id, fence });
  }

  async claim(kinds: string[], adapter: string): Promise<JobRow | null> {
    if (this.isStale()) return null;
    const job = await this.store.jobs.claim(this.name, { kinds, adapter, ...this.asking });
    if (!job) return null;
    if (job.fence > 1) {
      const { label = this.name } = this.asking;
      this.log(`job ${job.id}: taken up again (attempt ${job.fence}) by worker ${label}`, {
        ...{ job: job.id, attempt: job.fence, worker: this.name },
      });
    }
    try {
      await this.checkpoints?.fetch(job);
    } catch (error) {
      await this.left({ blameless: true });
      throw error;
    }
    return job;
  }

  async tell(claim: Claim, news: News): Promise<JobRow["requested"]> {
    const { state } = news.changes;
    // Whoever takes the job up may have no other way to its checkpoints.
    if (state === "paused" || state === "queued") await this.checkpoints?.send(claim);
    try {
      await keepNews(this.store, claim, news);
    } catch (error) {
      if (error instanceof ClaimLost) await this.acquit(claim);
      throw error;
    }
    for (const { type, data } of news.events) {
      if (type !== "warning" || data.damaged !== "checkpoint") continue;
      this.log(`job ${claim.id}: ${unquoted(String(data.message))}`, {
        ...{ job: claim.id, level: "warning", worker: this.name },
      });
    }
    if (hasWork(news)) this.checkpoints?.changed(claim);
    if (news.events.length > 0 || Object.keys(news.changes).length > 0) {
      this.changed(claim.id, state !== undefined && state !== "running");
    }
    return await this.store.jobs.requested(claim.id);
  }

  async publish(claim: Claim, outcome: Outcome): Promise<void> {
    await keepOutcome(this.store, claim, outcome);
  }

  async ask(table: string, method: string, args: unknown[]): Promise<unknown> {
    const allowed = [questions, pagedQuestions].flatMap((known) =>
      Object.hasOwn(known, table) ? (known as Record<string, readonly string[]>)[table] : []
    );
    if (!allowed.includes(method)) {
      throw new Error(`Cannot answer "${table}.${method}": no such question`);
    }
    const asked = this.store[table as keyof Store] as unknown as Record<
      string,
      (...args: unknown[]) => Promise<unknown>
    >;
    return toAnswer(await asked[method](...args));
  }

  async bring(sha256: string): Promise<void> {
    const { files } = this.store;
    await files.fetch(sha256);
    if (files.shared) await files.verify(sha256);
  }

  async release(): Promise<void> {
    await this.left({ blameless: true, reason: "its worker gave it up" });
  }

  hasRoom(): Promise<boolean> {
    return Promise.resolve(this.store.reserve.hasRoom());
  }

  async goOn(job_id: string, error: string): Promise<void> {
    await goOnWithRoom(this.store, job_id, error);
  }
}
