/**
 * Jobs of workers that were lost: without it such a job would be called running until another worker is idle, and one
 * that had found the disk full would stay paused.
 */
import { counted } from "@/lib/counted.ts";
import { isDiskFull } from "@/lib/errors.ts";
import type { Log } from "@/lib/log.ts";
import { finishedStates, type Store } from "@/lib/store/mod.ts";
import { HOLD_MS } from "@/lib/store/lease.ts";
import { removeCheckpoints } from "./checkpoints.ts";

/** Once a lease has run out its worker has so long, ms, to speak again: after a pause of the machine all are silent. */
export const GRACE_MS = HOLD_MS + 2000;
/** How often it is looked whether the queue knows of all that should wait, ms. */
const UNKNOWN_MS = 30_000;

const REASONS: Record<string, string> = {
  queued: "the worker was lost; waits for another",
  paused: "the worker was lost; it was asked to pause",
  cancelled: "the worker was lost; it was asked to cancel",
};

export class LostJobs {
  /** When a claim was seen first without a lease. */
  readonly #seen = new Map<string, number>();
  #compared = -Infinity;

  /** @param changed this job's state is another now */
  constructor(
    private readonly store: Store,
    private readonly changed: (job_id: string) => void,
    private readonly log: Log,
  ) {}

  /**
   * Looks once; to be called every second or so.
   * @param time ms, by a clock that nobody sets
   */
  async look(time = performance.now()): Promise<void> {
    const { store } = this;
    if (time - this.#compared > UNKNOWN_MS) {
      this.#compared = time;
      const sent = await store.jobs.sendUnknown();
      if (sent > 0) this.log(`sent ${counted(sent, "job")} of which the queue did not know`);
      await this.#goOn();
    }
    const lost = await store.jobs.lost();
    const claims = new Map(lost.map((job) => [`${job.id} ${job.fence}`, job]));
    for (const claim of this.#seen.keys()) if (!claims.has(claim)) this.#seen.delete(claim);
    for (const [claim, job] of claims) {
      const since = this.#seen.get(claim) ?? time;
      this.#seen.set(claim, since);
      if (time - since < GRACE_MS) continue;
      const state = await store.db.transaction(async () => {
        const state = await store.jobs.takeBack(job);
        if (state) {
          await store.events.append(job.id, "state", { state, reason: REASONS[state] });
        }
        return state;
      });
      if (!state) continue;
      if (finishedStates.includes(state)) removeCheckpoints(store, job.id);
      this.log(`job ${job.id}: ${REASONS[state]}`, { job: job.id, worker: job.worker });
      this.changed(job.id);
    }
  }

  /** Jobs that found a disk full go on where there is room: their worker, who would see to it, may be gone. */
  async #goOn(): Promise<void> {
    const { store } = this;
    const full = (await store.jobs.heldByErrors()).filter(({ error }) =>
      isDiskFull(new Error(error!))
    );
    if (full.length === 0 || !store.reserve.hasRoom()) return;
    for (const { id, error } of full) {
      if (await goOnWithRoom(store, id, error!)) this.changed(id);
    }
  }
}

/** Queues a job again that was paused for a full disk with this error; false where a person did something else. */
export async function goOnWithRoom(store: Store, job_id: string, error: string): Promise<boolean> {
  return await store.db.transaction(async () => {
    // A person may have ended or removed it meanwhile.
    const job = await store.jobs.find(job_id);
    if (job?.state !== "paused" || job.error !== error) return false;
    await store.jobs.resume(job_id);
    const reason = "there is room on the disk again";
    await store.events.append(job_id, "state", { state: "queued", reason });
    return true;
  });
}
