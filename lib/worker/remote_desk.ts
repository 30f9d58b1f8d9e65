/** The desk of a worker elsewhere, over its link: with each claim the job's checkpoints come here, and go back. */
import { type Claim, hasWork, type News } from "@/lib/jobs/outcome.ts";
import type { Outcome } from "@/lib/specs/job_context.ts";
import { canGrow } from "@/lib/store/reserve.ts";
import type { JobRow } from "@/lib/store/mod.ts";
import type { CheckpointCopies } from "./checkpoint_copies.ts";
import type { Desk } from "./desk.ts";
import type { Links } from "./links.ts";

export class RemoteDesk implements Desk {
  /** Of the job that the worker runs. */
  current: Claim | null = null;

  /** @param directory of the worker's files and checkpoints */
  constructor(
    readonly links: Links,
    readonly copies: CheckpointCopies,
    readonly directory: string,
  ) {}

  async claim(kinds: string[], adapter: string): Promise<JobRow | null> {
    this.current = null;
    const job = await this.links.call<JobRow | null>("claim", [kinds, adapter]);
    if (!job) return null;
    const claim = { id: job.id, fence: job.fence };
    this.current = claim;
    await this.copies.fetch(claim);
    return job;
  }

  /** Asked once: whoever tells tells it again. @throws {LinkLost} */
  async tell(claim: Claim, news: News): Promise<JobRow["requested"]> {
    const { state } = news.changes;
    if (hasWork(news)) this.copies.changed(claim);
    // Whoever takes the job up has no other way to its checkpoints.
    if (state === "paused" || state === "queued") await this.copies.upload(claim);
    return await this.links.ask("tell", [claim, news]);
  }

  async publish(claim: Claim, outcome: Outcome): Promise<void> {
    await this.links.call("publish", [claim, outcome]);
  }

  async ask(table: string, method: string, args: unknown[]): Promise<unknown> {
    return await this.links.question(table, method, args);
  }

  /** Files come by HTTP, to who reads them (cached_files.ts). */
  bring(): Promise<void> {
    return Promise.resolve();
  }

  async release(): Promise<void> {
    this.current = null;
    await this.links.call("release", []);
  }

  /** Here, where jobs write, and at the server, which keeps it. */
  async hasRoom(): Promise<boolean> {
    return canGrow(this.directory) && await this.links.call<boolean>("hasRoom", []);
  }

  async goOn(job_id: string, error: string): Promise<void> {
    await this.links.call("goOn", [job_id, error]);
  }
}
