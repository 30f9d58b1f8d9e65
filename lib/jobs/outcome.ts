/** Keeps what a job has made, and what it tells while it runs: always under its claim. */
import type { Outcome } from "@/lib/specs/job_context.ts";
import type { NewEvent } from "@/lib/store/events.ts";
import type { MetricPoint } from "@/lib/store/metrics.ts";
import type { JobChanges, JobRow, Store } from "@/lib/store/mod.ts";

/** A worker's right to a job; `fence` grows with every claim. */
export type Claim = Pick<JobRow, "id" | "fence">;

/** What a job has told since the last time. */
export interface News {
  points: MetricPoint[];
  events: NewEvent[];
  changes: JobChanges;
  /** Of this message among those under its claim, from 1; a message that comes twice is kept once. */
  number?: number;
}

/** Whether there is a checkpoint that work would be lost without: that of the beginning holds none. */
export const hasWork = ({ events }: News) =>
  events.some(({ type, data }) => type === "checkpoint" && data.step !== 0);

/** @throws {ClaimLost} */
export async function keepNews(store: Store, claim: Claim, news: News): Promise<void> {
  const { points, events, changes, number } = news;
  // The last one ends the claim: whether it was kept is asked before whether the claim stands.
  if (number !== undefined && await store.jobs.wasTold(claim, number)) return;
  if (events.length === 0 && Object.keys(changes).length === 0) {
    return await store.jobs.assertClaim(claim.id, claim.fence);
  }
  await store.jobs.withClaim(claim, async () => {
    // What is behind a new checkpoint cannot be lost any more: crashes count anew.
    const forgiven = await isProgress(store, claim, events);
    if (forgiven) await store.jobs.update(claim.id, { attempts: 0 });
    await store.metrics.put(claim.id, points);
    await store.events.appendAll(claim.id, events);
    for (const { data: { resumed_at } } of events) {
      if (typeof resumed_at === "number") await store.jobs.attempts.goesOnFrom(claim, resumed_at);
    }
    if (number !== undefined) await store.jobs.update(claim.id, { told: number });
    if (Object.keys(changes).length > 0) {
      const reason = events.findLast(({ type }) => type === "state")?.data.reason;
      await store.jobs.change(claim, changes, typeof reason === "string" ? reason : null);
    }
  });
}

/** Whether a checkpoint lies beyond all before it: one that is made again is no progress. */
async function isProgress(store: Store, { id }: Claim, events: NewEvent[]): Promise<boolean> {
  const checkpoints = events.filter(({ type }) => type === "checkpoint");
  if (checkpoints.length === 0) return false;
  const last = await store.events.lastCheckpoint(id);
  return checkpoints.some(({ data: { step } }) =>
    last === null || typeof step !== "number" || step > last
  );
}

/** All or nothing; the same outcome once more changes nothing. @throws {ClaimLost} */
export async function keepOutcome(store: Store, claim: Claim, outcome: Outcome): Promise<void> {
  const { model, evaluation, similarity } = outcome;
  const files = [model, similarity].flatMap((made) => made ? [made.file] : []);
  try {
    await store.commitStored(files, async () =>
      await store.jobs.withClaim(claim, async () => {
        if (model && await store.models.find(model.id) === undefined) {
          const { trained_on, ...row } = model;
          const version = row.name === null ? null : await store.models.nextVersion(row.name);
          await store.models.insert({ ...row, version });
          const { init } = row.lineage as { init: string };
          await store.modelImages.insert(row.id, trained_on, init === "scratch" ? null : init);
        }
        if (evaluation && await store.evaluations.find(evaluation.id) === undefined) {
          await store.evaluations.insert(evaluation);
        }
        if (similarity && await store.similarities.find(similarity.id) === undefined) {
          await store.similarities.insert(similarity);
        }
      }));
  } catch (error) {
    await store.collectGarbage(files);
    throw error;
  }
}
