/**
 * A desk over one that may be away for a while, as a link or a database is: meanwhile the job goes on, and what it
 * tells is kept here, each message under its number until it is confirmed. What changes the job's state, and what it
 * has made, waits.
 */
import { ClaimLost, isDiskFull, Unavailable } from "@/lib/errors.ts";
import type { Claim, News } from "@/lib/jobs/outcome.ts";
import type { Outcome } from "@/lib/specs/job_context.ts";
import type { JobRow } from "@/lib/store/mod.ts";
import type { Desk } from "./desk.ts";

/** Between two tries, ms. */
const PAUSE_MS = 500;

/** What was told in several calls and goes as one. */
interface Pending {
  parts: News[];
  number: number;
  /** It may have been kept: nothing is added any more. */
  sent: boolean;
}

export class PatientDesk implements Desk {
  /** What was not confirmed, in its order. */
  #news: Pending[] = [];
  #number = 0;
  /** One message at a time: they are kept in their order. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(readonly desk: Desk) {}

  async claim(kinds: string[], adapter: string): Promise<JobRow | null> {
    try {
      const job = await this.desk.claim(kinds, adapter);
      if (job) [this.#news, this.#number] = [[], 0];
      return job;
    } catch (error) {
      // Its checkpoints may come for so long that the claim ends meanwhile.
      if (!(error instanceof Unavailable) && !(error instanceof ClaimLost)) throw error;
      // Whoever waits for a job looks again.
      await pause();
      return null;
    }
  }

  async tell(claim: Claim, news: News): Promise<JobRow["requested"]> {
    const last = this.#news.at(-1);
    if (last && !last.sent) last.parts.push(news);
    else this.#news.push({ parts: [news], number: ++this.#number, sent: false });
    try {
      return await this.#inTurn(() => this.#send(claim, news.changes.state !== undefined));
    } catch (error) {
      // Whoever told it tells it again; of what was told before only this desk knows.
      if (isDiskFull(error)) this.#takeBack(news);
      throw error;
    }
  }

  #takeBack(news: News): void {
    for (const pending of this.#news) {
      pending.parts = pending.parts.filter((part) => part !== news);
    }
    this.#news = this.#news.filter(({ parts }) => parts.length > 0);
  }

  async #inTurn<T>(send: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(send);
    this.#turn = turn.catch(() => {});
    return await turn;
  }

  /** @param must whether to wait until it is confirmed */
  async #send(claim: Claim, must: boolean): Promise<JobRow["requested"]> {
    let requested: JobRow["requested"] = null;
    while (this.#news.length > 0) {
      const [first] = this.#news;
      first.sent = true;
      try {
        requested = await this.desk.tell(claim, { ...merged(first.parts), number: first.number });
        this.#news.shift();
      } catch (error) {
        // Nothing of it was kept.
        if (isDiskFull(error)) throw error;
        if (!(error instanceof Unavailable)) {
          this.#news.shift();
          throw error;
        }
        if (!must) return null;
        await pause();
      }
    }
    return requested;
  }

  async publish(claim: Claim, outcome: Outcome): Promise<void> {
    await this.#inTurn(() => this.#send(claim, true));
    await patiently(() => this.desk.publish(claim, outcome));
  }

  ask(table: string, method: string, args: unknown[]): Promise<unknown> {
    return patiently(() => this.desk.ask(table, method, args));
  }

  bring(sha256: string): Promise<void> {
    return patiently(() => this.desk.bring(sha256));
  }

  release(): Promise<void> {
    return patiently(() => this.desk.release());
  }

  hasRoom(): Promise<boolean> {
    return patiently(() => this.desk.hasRoom());
  }

  goOn(job_id: string, error: string): Promise<void> {
    return patiently(() => this.desk.goOn(job_id, error));
  }
}

const pause = () => new Promise<void>((resolve) => setTimeout(resolve, PAUSE_MS));

/** For what may be done twice. */
async function patiently<T>(action: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      await pause();
    }
  }
}

/** In their order. */
const merged = (parts: News[]): News => ({
  points: parts.flatMap(({ points }) => points),
  events: parts.flatMap(({ events }) => events),
  changes: Object.assign({}, ...parts.map(({ changes }) => changes)),
});
