/**
 * The desk of a worker elsewhere, over a link that may be lost: meanwhile the job goes on, and what it tells is kept
 * here. What changes its state, and what it has made, waits for the link.
 */
import { type Claim, hasWork, type News } from "@/lib/jobs/outcome.ts";
import type { Outcome } from "@/lib/specs/job_context.ts";
import type { JobRow } from "@/lib/store/mod.ts";
import type { CheckpointCopies } from "./checkpoint_copies.ts";
import type { Desk } from "./desk.ts";
import { type Link, LinkLost } from "./link.ts";

export class RemoteDesk implements Desk {
  /** Of the job that the worker runs. */
  current: Claim | null = null;
  /** What the server has not confirmed, in its order; each is sent under its number until it is. */
  #news: (News & { number: number; sent: boolean })[] = [];
  #number = 0;
  /** One message at a time: they are kept in their order. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(readonly link: Link, readonly copies: CheckpointCopies) {}

  async claim(kinds: string[], adapter: string): Promise<JobRow | null> {
    this.current = null;
    const job = await this.link.call<JobRow | null>("claim", [kinds, adapter]);
    if (!job) return null;
    const claim = { id: job.id, fence: job.fence };
    [this.#news, this.#number] = [[], 0];
    this.current = claim;
    await this.copies.fetch(claim);
    return job;
  }

  async tell(claim: Claim, news: News): Promise<JobRow["requested"]> {
    const { state } = news.changes;
    const last = this.#news.at(-1);
    if (last && !last.sent) merge(last, news);
    else this.#news.push({ ...news, number: ++this.#number, sent: false });
    if (hasWork(news)) this.copies.changed(claim);
    // Whoever takes the job up has no other way to its checkpoints.
    if (state === "paused" || state === "queued") await this.copies.upload(claim);
    return await this.#inTurn(() => this.#send(claim, state !== undefined));
  }

  async #inTurn<T>(send: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(send);
    this.#turn = turn.catch(() => {});
    return await turn;
  }

  /** @param must whether to wait for the link */
  async #send(claim: Claim, must: boolean): Promise<JobRow["requested"]> {
    let requested: JobRow["requested"] = null;
    while (this.#news.length > 0) {
      const { sent: _, ...news } = this.#news[0];
      this.#news[0].sent = true;
      try {
        requested = await this.link.ask("tell", [claim, news]);
        this.#news.shift();
      } catch (error) {
        if (!(error instanceof LinkLost)) {
          this.#news.shift();
          throw error;
        }
        if (!must) return null;
        await this.link.opened();
      }
    }
    return requested;
  }

  async publish(claim: Claim, outcome: Outcome): Promise<void> {
    await this.#inTurn(() => this.#send(claim, true));
    await this.link.call("publish", [claim, outcome]);
  }

  async ask(table: string, method: string, args: unknown[]): Promise<unknown> {
    return await this.link.call("ask", [table, method, args]);
  }

  /** Files come by HTTP, to who reads them (cached_files.ts). */
  bring(): Promise<void> {
    return Promise.resolve();
  }

  async hasRoom(): Promise<boolean> {
    return await this.link.call("hasRoom", []);
  }

  async goOn(job_id: string, error: string): Promise<void> {
    await this.link.call("goOn", [job_id, error]);
  }
}

/** Adds what came later. */
function merge(news: News, { points, events, changes }: News): void {
  news.points.push(...points);
  news.events.push(...events);
  Object.assign(news.changes, changes);
}
