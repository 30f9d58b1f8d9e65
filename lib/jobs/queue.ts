/** The queue as people see it: jobs are queued, shown, cancelled, paused, resumed, removed. */
import { assertMayQueue } from "@/lib/access/quota.ts";
import { limits } from "@/lib/config.ts";
import { Conflict, InvalidInput, Overloaded } from "@/lib/errors.ts";
import { removeCheckpoints } from "./checkpoints.ts";
import { fingerprint } from "./fingerprint.ts";
import { specOf, specs } from "@/lib/specs/mod.ts";
import { parseSpec } from "@/lib/specs/parse.ts";
import type { JobAction } from "@/lib/specs/spec.ts";
import {
  finishedStates,
  type JobRow,
  type KeyRow,
  newId,
  now,
  type Store,
} from "@/lib/store/mod.ts";

/** At least so many jobs may wait for each worker. */
const QUEUED_PER_WORKER = 4;

/** A job about to be queued. */
export interface ResolvedJob {
  kind: string;
  spec: Record<string, unknown>;
}

/**
 * Resolves a job's spec: defaults, ids in place of names, dataset digest, code version.
 * A resolved spec is accepted again, to repeat a run, as long as the data set is the same.
 * @throws {InvalidInput} naming each wrong field
 * @throws {NotFound} when something that the spec names is not there
 * @throws {Conflict} when the data set is not the one of the given digest
 */
export async function resolveJob(
  store: Store,
  request: Record<string, unknown>,
  codeVersion: string,
): Promise<ResolvedJob> {
  const { kind, dataset_digest: wanted } = request;
  const found = typeof kind === "string" ? specOf(kind) : undefined;
  if (typeof kind !== "string" || !found) {
    throw new InvalidInput("Cannot queue this job: there is no such kind", [
      { pointer: "/kind", message: `one of ${Object.keys(specs).join(", ")} is needed` },
    ]);
  }
  const parsed = parseSpec(found.schema, request) as Record<string, unknown>;
  const dataset = typeof parsed.dataset === "string"
    ? await store.datasets.byName(parsed.dataset)
    : undefined;
  const digest = dataset && await store.datasets.digestOf(dataset);
  if (wanted !== undefined && wanted !== digest) {
    throw new Conflict(`Cannot repeat this job: dataset "${dataset?.name}" has changed since`);
  }
  const spec = {
    ...await found.resolve(parsed, store),
    ...(dataset ? { dataset_digest: digest } : {}),
    code_version: codeVersion,
  };
  return { kind, spec };
}

export interface QueueOptions {
  /** The study that the job belongs to. */
  study?: string | null;
  /** Whose job it is. */
  key?: KeyRow;
}

/**
 * Queues a job.
 * @throws {Overloaded} when the queue is full, or the key has as many jobs as it may have
 */
export async function enqueue(
  store: Store,
  { kind, spec }: ResolvedJob,
  { study = null, key }: QueueOptions = {},
): Promise<JobRow> {
  return await store.db.transaction(async () => {
    if (key) await assertMayQueue(store, key);
    const most = await mostQueued(store);
    if (await queueLength(store) >= most) {
      throw new Overloaded(`Cannot queue more than ${most} jobs`, 30);
    }
    const job = await store.jobs.insert({
      ...newJob(kind, spec),
      study,
      fingerprint: await fingerprint(store, { kind, spec }),
    });
    if (key) await store.owners.note(job.id, key.id);
    await store.events.append(job.id, "state", { state: "queued" });
    await specOf(kind)?.queued?.(job, store);
    return await store.jobs.get(job.id);
  });
}

/** The server's own worker and those beside it; in a cluster servers' own are among those that are counted. */
export async function workerCount(store: Store): Promise<number> {
  const count = await store.workers.count();
  return store.cluster ? Math.max(1, count) : 1 + count;
}

/** Jobs that wait. */
export async function queueLength(store: Store): Promise<number> {
  return await store.jobs.count([["state = ?", "queued"]]);
}

/** How many may wait: more where many workers are there to be kept busy. */
export async function mostQueued(store: Store): Promise<number> {
  return Math.max(limits.queuedJobs, QUEUED_PER_WORKER * await workerCount(store));
}

/** Resolves a request and queues it. */
export async function submit(
  store: Store,
  request: Record<string, unknown>,
  codeVersion: string,
): Promise<JobRow> {
  return await enqueue(store, await resolveJob(store, request, codeVersion));
}

/** A row for a job that waits. */
export function newJob(kind: string, spec: Record<string, unknown>): JobRow {
  return {
    id: newId("job"),
    kind,
    state: "queued",
    spec,
    progress: { done: 0, total: 0, unit: "" },
    worker: null,
    fence: 0,
    attempts: 0,
    requested: null,
    error: null,
    result: null,
    device: null,
    created_at: now(),
    started_at: null,
    finished_at: null,
    estimated_finish: null,
    study: null,
    fingerprint: null,
    sequence: 0,
    lease_until: null,
    told: 0,
    delivery: null,
  };
}

/**
 * Does what a person asks of a job; a changed state is told as an event. Of a study it reaches the jobs
 * that the study has queued. Throws NotFound, Conflict.
 */
export async function control(store: Store, id: string, what: JobAction): Promise<JobRow> {
  return await store.db.transaction(async () => {
    const asked = await store.jobs.get(id);
    const { kind, state: before } = asked;
    await specOf(kind)?.made?.control(asked, store, what, async (other) => {
      await control(store, other, what);
    });
    const job = await store.jobs[what](id);
    if (job.state !== before) await store.events.append(id, "state", { state: job.state });
    if (finishedStates.includes(job.state)) removeCheckpoints(store, id);
    return job;
  });
}

/** Removes an ended job with its events, metrics and checkpoints. Throws NotFound, Conflict. */
export async function remove(store: Store, id: string): Promise<void> {
  await store.jobs.removeFinished(id);
  removeCheckpoints(store, id);
}
